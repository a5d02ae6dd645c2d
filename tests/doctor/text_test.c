/* The diagnosis as a person reads it, of evidence that a stranger wrote. */
#include <criterion/criterion.h>
#include <string.h>

#include "doctor/doctor.h"

#define STRANGE "\\u001b]0;owned\\u0007\\u009b2J\\u007f\\r\\n"

static const char diagnosis_text[] =
    "{\"healthy\": false, \"tunnels\": [{\"tunnel\": \"dc1" STRANGE "\", \"layers\": {\"ike\": \"failed\"}}],"
    " \"causes\": [{\"cause\": \"ike-psk\", \"node\": \"cpe1" STRANGE "\", \"tunnel\": \"dc1" STRANGE
    "\", \"layer\": \"ike\", \"confidence\": \"certain\", \"latent\": false, \"text\": \"keys differ\","
    " \"evidence\": [\"M\\u00fcnchen says" STRANGE "no\", 7], \"remedy\": \"mend it\", \"section\": \"s\","
    " \"requirement\": \"R1\", \"show\": [\"show it\"]}]}";

Test(doctor_text, nothing_in_evidence_steers_a_terminal)
{
    VC_AUTO_JSON *diagnosis = json_loads(diagnosis_text, 0, NULL);
    VC_AUTO_TALLOC char *told = vc_doctor_text(NULL, diagnosis, false);
    unsigned lines = 0;

    for (const unsigned char *p = (const unsigned char *)told; *p; p++) {
        lines += *p == '\n';
        cr_assert(*p == '\n' || (*p >= ' ' && *p != 0x7f), "byte %02x in: %s", *p, told);
        cr_assert_not(*p == 0xc2 && p[1] < 0xa0, "a C1 control in: %s", told);
    }
    cr_expect(strstr(told, "seen:   München says ]0;owned"), "%s", told);
    cr_expect_eq(lines, 9, "%u lines:\n%s", lines, told);
}

Test(doctor_text, what_is_coming_up_is_said)
{
    VC_AUTO_JSON *diagnosis =
        json_loads("{\"healthy\": false, \"causes\": [], \"tunnels\": [{\"tunnel\": \"dc1\", \"first_failing\": "
                   "\"bgp\", \"layers\": {\"ike\": \"ok\", \"bgp\": \"coming up\", \"routes\": \"not reached\"}}]}",
                   0, NULL);
    VC_AUTO_TALLOC char *told = vc_doctor_text(NULL, diagnosis, false);

    cr_expect(strstr(told, "✓ ike") && strstr(told, "… bgp  · routes"), "%s", told);
    cr_expect(strstr(told, "Tunnel dc1: bgp is coming up, and it is too early to say more: ask again."), "%s", told);
}

/* Messages of vclab-wire's control socket, both ways: any bytes give a request whose values ns-3 takes, or an error. */
#include "ns3/ns3c_check.h"
#include "ns3/wire_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vc_wire_request request;
    struct vc_wire_answer answer;

    if (vc_wire_request_read((const char *)data, size, &request, NULL) == 0) {
        VC_AUTO_JSON *json = vc_wire_request_json(&request);
        for (int i = 0; i < 2; i++)
            if (!json || vc_ns3_check_character(&request.character[i], NULL) < 0)
                abort();
    }
    for (unsigned what = 0; what < VC_WIRE_DO_COUNT; what++)
        vc_wire_answer_read((const char *)data, size, (enum vc_wire_do)what, &answer, NULL);
    return 0;
}

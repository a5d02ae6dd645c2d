/* swanctl.conf texts, a partner's own among them. */
#include <string.h>

#include "net/vici.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FREE char *text = strndup((const char *)data, size);

    json_decref(vc_swanctl_parse(text, &err));
    return 0;
}

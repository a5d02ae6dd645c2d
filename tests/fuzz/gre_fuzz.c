/* Received GRE packets: whatever comes, the classifier stays inside the packet. */
#include <arpa/inet.h>

#include "gre/gre.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct in_addr local = {htonl(0x0a000001)}, remote = {htonl(0x0a000002)};
    const uint8_t *payload = data;
    size_t len = 0;

    if (vc_gre_classify(data, size, local, remote, &payload, &len) == VC_GRE_DATA &&
        (payload < data || payload + len > data + size))
        abort();
    return 0;
}

/* Running-configs of customers: any bytes give an import or an error, never a crash or a leak. */
#include "config/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The order is the same each time; it is read once and never freed. */
static const struct vc_topology *order(void)
{
    static struct vc_topology *read_before;

    if (!read_before) {
        setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
        read_before =
            vc_topology_load(NULL, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", VCLAB_SOURCE_DIR "/nodes", NULL);
    }
    if (!read_before)
        abort();
    return read_before;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_import_options options = {order(), 0, NULL, VCLAB_SOURCE_DIR "/nodes"};
    VC_AUTO_TALLOC struct vc_import *import = vc_import_ios(NULL, &options, "x.cfg", (const char *)data, size, &err);

    if (import) {
        VC_AUTO_JSON *json = vc_import_json(import);
        talloc_free(vc_import_report(import, import));
        talloc_free(vc_import_document(import, import, "x", "two-cpe"));
    }
    return 0;
}

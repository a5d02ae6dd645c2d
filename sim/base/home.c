#include "base/home.h"

#include <stdlib.h>

const char *vc_home(void)
{
    const char *home = getenv("VCLAB_HOME");

    return home && *home ? home : ".";
}

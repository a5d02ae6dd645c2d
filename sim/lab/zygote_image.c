/* The preloaded library (preload/zygote.c) as bytes in this program: there is then no file to install beside it, to
 * find again in a sandbox that covers its folder, or to carry into a guest. */
#include "lab/zygote.h"

__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        ".hidden vc_zygote_image\n"
        ".global vc_zygote_image\n"
        "vc_zygote_image:\n"
        ".incbin \"" VCLAB_ZYGOTE_LIBRARY "\"\n"
        ".hidden vc_zygote_image_end\n"
        ".global vc_zygote_image_end\n"
        "vc_zygote_image_end:\n"
        ".popsection\n");

#include "vm/console.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

#define MCE "[    0.522267] mce: Unable to init MCE device (rc: -5)\n"

static void quoted(const char *text, const char *quote)
{
    VC_AUTO_TALLOC char *found = vc_console_quote(NULL, text);

    cr_assert_str_eq(found, quote);
}

Test(console, quotes_the_last_lines_as_one)
{
    quoted("", "(it printed nothing)");
    quoted("one\n", "one|");
    quoted("1\n2\n3\n4\n5\n6\n7\n", "3|4|5|6|7|");
    quoted("a\r\n\tb", "a |\x20"
                       "b");
}

Test(console, quotes_a_panic_from_its_own_words)
{
    quoted("before\n[ 1.0] Kernel panic - not syncing: init\nstack 1\n2\n3\n4\n5\n6\n",
           "Kernel panic - not syncing: init|stack 1|2|3|4|5|6|");
    cr_assert(vc_console_panicked("x Kernel panic - not") && !vc_console_panicked("no panic"));
}

Test(console, leaves_out_what_healthy_guests_print)
{
    quoted(MCE, "(it printed nothing)");
    quoted(MCE "oops\n", "oops|");
    quoted("1\n2\n3\n" MCE "4\n5\n", "1|2|3|4|5|");
    quoted("Kernel panic\n" MCE "stack\n", "Kernel panic|stack|");
    quoted("[    0.522267] mce: Unable to init MCE dev", "[    0.522267] mce: Unable to init MCE dev");
}

Test(console, quote_is_bounded)
{
    VC_AUTO_TALLOC char *text = talloc_zero_size(NULL, 5001);

    memset(text, 'x', 5000);
    VC_AUTO_TALLOC char *quote = vc_console_quote(NULL, text);
    cr_assert_eq(strlen(quote), 600);
}

Test(console, keeps_all_that_is_printed_up_to_a_megabyte)
{
    VC_AUTO_TALLOC char *text = talloc_strdup(NULL, "");
    char bytes[4096];
    int fds[2];

    memset(bytes, 'x', sizeof bytes);
    cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    cr_assert(vc_console_read(fds[0], &text), "nothing there yet is no end");
    for (int i = 0; i < 300; i++) {
        cr_assert_eq(write(fds[1], bytes, sizeof bytes), (ssize_t)sizeof bytes);
        cr_assert(vc_console_read(fds[0], &text));
    }
    cr_assert_eq(strlen(text), 1 << 20);
    close(fds[1]);
    cr_assert_not(vc_console_read(fds[0], &text));
    close(fds[0]);
}

Test(console, log_has_every_line)
{
    char folder[] = "/tmp/vclab-console-XXXXXX", text[256] = "";

    cr_assert(mkdtemp(folder));
    vc_console_write(MCE "one\n", folder);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/console.log", folder);
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_gt(read(fd, text, sizeof text - 1), 0);
    cr_assert_str_eq(text, MCE "one\n");
    vc_console_write("one\n", "/nowhere");
    unlink(path);
    rmdir(folder);
}

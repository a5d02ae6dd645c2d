#include "vm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define TEXT_MAX    (1 << 20)
#define QUOTE_LINES 5
#define QUOTE_MAX   600

static const char panic_words[] = "Kernel panic";

/* They stand where the cause of a crash is looked for, and are none. */
static const char *const harmless[] = {
    "mce: Unable to init MCE device", /* switched off by the kernel's command line */
};

bool vc_console_read(int fd, char **text)
{
    char buffer[4096];
    ssize_t n = read(fd, buffer, sizeof buffer);

    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN);
    if (strlen(*text) < TEXT_MAX)
        *text = talloc_strndup_append_buffer(*text, buffer, (size_t)n);
    return true;
}

void vc_console_write(const char *text, const char *folder)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/console.log", folder);
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd >= 0)
        (void)!write(fd, text, strlen(text));
}

bool vc_console_panicked(const char *text)
{
    return strstr(text, panic_words);
}

static bool is_harmless(const char *line, size_t length)
{
    for (size_t i = 0; i < VC_COUNT(harmless); i++)
        if (memmem(line, length, harmless[i], strlen(harmless[i])))
            return true;
    return false;
}

static char *without_harmless(void *ctx, const char *text)
{
    char *rest = talloc_strdup(ctx, "");

    while (*text) {
        size_t length = strcspn(text, "\n");
        length += text[length] == '\n';
        if (!is_harmless(text, length))
            rest = talloc_strndup_append_buffer(rest, text, length);
        text += length;
    }
    return rest;
}

/* Where the last lines begin; a panic is quoted from where it says so, for a stack follows. */
static const char *tail_of(const char *text)
{
    const char *panic = strstr(text, panic_words);
    const char *from = text + strlen(text);

    for (int lines = 0; from > text; from--)
        if (from[-1] == '\n' && lines++ == QUOTE_LINES)
            break;
    return panic ? panic : from;
}

char *vc_console_quote(void *ctx, const char *text)
{
    VC_AUTO_TALLOC char *telling = without_harmless(NULL, text);
    const char *tail = tail_of(telling);
    char *quote = talloc_strndup(ctx, *tail ? tail : "(it printed nothing)", QUOTE_MAX);

    for (char *p = quote; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = *p == '\n' ? '|' : ' ';
    return quote;
}

/* Cases of the Mustache specification (interpolation, sections, inverted, comments), and what this renderer adds:
 * errors with their place. */
#include <criterion/criterion.h>
#include <string.h>

#include "plan/mustache.h"

struct spec {
    const char *title, *view, *text, *expected;
};

static const struct spec specs[] = {
    {"no interpolation", "{}", "Hello from {Mustache}!\n", "Hello from {Mustache}!\n"},
    {"basic", "{\"subject\": \"world\"}", "Hello, {{subject}}!\n", "Hello, world!\n"},
    {"nothing is escaped", "{\"f\": \"& \\\" < >\"}", "{{f}} {{{f}}} {{&f}}", "& \" < > & \" < > & \" < >"},
    {"integer", "{\"mph\": 85}", "{{mph}} miles", "85 miles"},
    {"decimal", "{\"power\": 1.25}", "{{power}} jiggawatts", "1.25 jiggawatts"},
    {"boolean", "{\"on\": true, \"off\": false}", "{{on}} {{off}}", "true false"},
    {"null", "{\"cannot\": null}", "I ({{cannot}}) be seen!", "I () be seen!"},
    {"padding", "{\"string\": \"---\"}", "|{{ string }}|", "|---|"},
    {"surrounding whitespace", "{\"string\": \"---\"}", "| {{string}} |", "| --- |"},
    {"standalone interpolation", "{\"string\": \"---\"}", "  {{string}}\n", "  ---\n"},
    {"dotted names", "{\"person\": {\"name\": \"Joe\"}}", "\"{{person.name}}\"", "\"Joe\""},
    {"dotted names, arbitrary depth", "{\"a\": {\"b\": {\"c\": {\"d\": {\"e\": {\"name\": \"Phil\"}}}}}}",
     "{{a.b.c.d.e.name}}", "Phil"},
    {"dotted names, first part resolves by context",
     "{\"a\": {\"b\": {\"c\": {\"name\": \"Phil\"}}}, \"b\": {\"c\": {\"name\": \"Wrong\"}}}",
     "{{#a}}{{b.c.name}}{{/a}}", "Phil"},
    {"truthy section", "{\"boolean\": true}", "\"{{#boolean}}This should be rendered.{{/boolean}}\"",
     "\"This should be rendered.\""},
    {"falsey section", "{\"boolean\": false}", "\"{{#boolean}}Not this: {{unknown}}{{/boolean}}\"", "\"\""},
    {"null is falsey", "{\"null\": null}", "\"{{#null}}x{{/null}}\"", "\"\""},
    {"empty string is falsey", "{\"s\": \"\"}", "\"{{#s}}x{{/s}}{{^s}}y{{/s}}\"", "\"y\""},
    {"zero is a value", "{\"n\": 0}", "\"{{#n}}{{n}}{{/n}}\"", "\"0\""},
    {"context", "{\"context\": {\"name\": \"Joe\"}}", "{{#context}}Hi {{name}}.{{/context}}", "Hi Joe."},
    {"parent contexts", "{\"a\": \"foo\", \"b\": \"wrong\", \"sec\": {\"b\": \"bar\"}, \"c\": {\"d\": \"baz\"}}",
     "{{#sec}}{{a}}, {{b}}, {{c.d}}{{/sec}}", "foo, bar, baz"},
    {"variable test", "{\"foo\": \"bar\"}", "{{#foo}}{{.}} is {{foo}}{{/foo}}", "bar is bar"},
    {"list", "{\"list\": [{\"item\": 1}, {\"item\": 2}, {\"item\": 3}]}", "{{#list}}{{item}}{{/list}}", "123"},
    {"empty list", "{\"list\": []}", "[{{#list}}Yay!{{/list}}{{^list}}none{{/list}}]", "[none]"},
    {"implicit iterator", "{\"list\": [\"a\", \"b\", 3]}", "{{#list}}({{.}}){{/list}}", "(a)(b)(3)"},
    {"nested lists", "{\"l\": [[1, 2], [3]]}", "{{#l}}({{#.}}{{.}}{{/.}}){{/l}}", "(12)(3)"},
    {"deeply nested contexts", "{\"a\": {\"one\": 1}, \"b\": {\"two\": 2}, \"c\": {\"three\": 3}}",
     "{{#a}}{{one}}{{#b}}{{one}}{{two}}{{#c}}{{one}}{{two}}{{three}}{{/c}}{{/b}}{{/a}}", "112123"},
    {"doubled sections", "{\"bool\": true, \"two\": \"second\"}",
     "{{#bool}}\n* first\n{{/bool}}\n* {{two}}\n{{#bool}}\n* third\n{{/bool}}\n", "* first\n* second\n* third\n"},
    {"nested, same name", "{\"bool\": true}", "| A {{#bool}}B {{#bool}}C{{/bool}} D{{/bool}} E |", "| A B C D E |"},
    {"nested, falsey, same name", "{\"bool\": false}", "| A {{#bool}}B {{#bool}}C{{/bool}} D{{/bool}} E |", "| A  E |"},
    {"missing section", "{}", "[{{#missing}}Found key 'missing'!{{/missing}}]", "[]"},
    {"missing inverted section", "{}", "[{{^missing}}rendered{{/missing}}]", "[rendered]"},
    {"dotted section", "{\"a\": {\"b\": {\"c\": true}}}", "{{#a.b.c}}Here{{/a.b.c}}", "Here"},
    {"dotted section, broken chain", "{\"a\": {}}", "[{{#a.b.c}}Here{{/a.b.c}}]", "[]"},
    {"inverted truthy", "{\"boolean\": true}", "[{{^boolean}}x{{/boolean}}]", "[]"},
    {"standalone lines", "{\"boolean\": true}", "| This Is\n{{#boolean}}\n|\n{{/boolean}}\n| A Line\n",
     "| This Is\n|\n| A Line\n"},
    {"indented standalone lines", "{\"boolean\": true}", "| This Is\n  {{#boolean}}\n|\n  {{/boolean}}\n| A Line\n",
     "| This Is\n|\n| A Line\n"},
    {"standalone line endings", "{\"boolean\": true}", "|\r\n{{#boolean}}\r\n{{/boolean}}\r\n|", "|\r\n|"},
    {"standalone without previous line", "{\"boolean\": true}", "  {{#boolean}}\n#{{/boolean}}\n/", "#\n/"},
    {"standalone without newline", "{\"boolean\": true}", "#{{#boolean}}\n/\n  {{/boolean}}", "#\n/\n"},
    {"internal whitespace", "{\"boolean\": true}", " | {{#boolean}}\t|\t{{/boolean}} | \n", " | \t|\t | \n"},
    {"two tags on a line do not stand alone", "{\"b\": true}", " {{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n",
     " YES\n GOOD\n"},
    {"inline comment", "{}", "12345{{! Comment Block! }}67890", "1234567890"},
    {"multiline comment", "{}", "12345{{!\n  This is a\n  multi-line comment...\n}}67890\n", "1234567890\n"},
    {"standalone comment", "{}", "Begin.\n  {{! Indented Comment Block! }}\nEnd.\n", "Begin.\nEnd.\n"},
    {"multiline standalone comment", "{}", "Begin.\n{{!\nSomething's going on here...\n}}\nEnd.\n", "Begin.\nEnd.\n"},
    {"empty comment", "{}", "a{{!}}b", "ab"},
};

Test(mustache, specification)
{
    for (size_t i = 0; i < VC_COUNT(specs); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *view = json_loads(specs[i].view, 0, NULL);

        cr_assert_not_null(view, "%s: the test's JSON", specs[i].title);
        const char *got = vc_mustache_render(ctx, "spec", specs[i].text, view, &err);
        cr_expect(got && strcmp(got, specs[i].expected) == 0, "%s: expected \"%s\", got \"%s\"", specs[i].title,
                  specs[i].expected, got ? got : err->message);
    }
}

static const struct {
    const char *text, *message;
} mistakes[] = {
    {"a\n{{b}}\n", "t:2: no such variable: 'b'"},
    {"{{o}}", "t:1: not a plain value: 'o'"},
    {"{{o.x.y}}", "t:1: no such variable: 'o.x.y'"},
    {"\n\n{{#o}}\n", "t:3: section is never closed: 'o'"},
    {"{{#o}}\n{{/p}}", "t:2: closes a section that is not open: 'p'"},
    {"x{{/o}}", "t:1: closes a section that is not open: 'o'"},
    {"{{#o}}{{#o}}{{/o}}", "t:1: section is never closed: 'o'"},
    {"\n{{o", "t:2: tag without its closing braces"},
    {"{{{o}}", "t:1: tag without its closing braces"},
    {"{{}}", "t:1: tag without a name"},
    {"{{# }}", "t:1: tag without a name"},
    {"{{> o}}", "t:1: unknown tag; allowed are variables, {{#…}}, {{^…}}, {{/…}} and {{!…}}: '> o'"},
    {"{{=<% %>=}}", "t:1: unknown tag; allowed are variables, {{#…}}, {{^…}}, {{/…}} and {{!…}}: '=<% %>='"},
    {"{{#missing}}{{> o}}{{/missing}}",
     "t:1: unknown tag; allowed are variables, {{#…}}, {{^…}}, {{/…}} and {{!…}}: '> o'"},
};

Test(mustache, mistakes_are_named_with_their_line)
{
    VC_AUTO_JSON *view = json_loads("{\"o\": {\"x\": 1}}", 0, NULL);

    for (size_t i = 0; i < VC_COUNT(mistakes); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_expect_null(vc_mustache_render(ctx, "t", mistakes[i].text, view, &err), "%s", mistakes[i].text);
        cr_expect(err && err->status == VC_EXIT_USAGE && strcmp(err->message, mistakes[i].message) == 0,
                  "%s: expected \"%s\", got \"%s\"", mistakes[i].text, mistakes[i].message,
                  err ? err->message : "none");
    }
}

Test(mustache, sections_nested_too_deep_are_refused)
{
    VC_AUTO_TALLOC char *text = talloc_strdup(NULL, "");
    VC_AUTO_JSON *view = json_loads("{\"a\": {}}", 0, NULL);
    VC_AUTO_ERROR *err = NULL;

    for (int i = 0; i < 100; i++)
        text = talloc_strdup_append(text, "{{#a}}");
    for (int i = 0; i < 100; i++)
        text = talloc_strdup_append(text, "{{/a}}");
    cr_assert_null(vc_mustache_render(text, "t", text, view, &err));
    cr_expect_str_eq(err->message, "t:1: sections nested too deep: 'a'");
}

Test(mustache, truth)
{
    VC_AUTO_JSON *view = json_loads("{\"a\": {\"b\": false, \"c\": {\"d\": 1}}}", 0, NULL);

    cr_expect(vc_mustache_truth(view, "a.c"));
    cr_expect(vc_mustache_truth(view, "a.c.d"));
    cr_expect(!vc_mustache_truth(view, "a.b"));
    cr_expect(!vc_mustache_truth(view, "a.x"));
    cr_expect(!vc_mustache_truth(view, "x"));
}

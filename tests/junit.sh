# shellcheck shell=bash
# JUnit files, counted. Sourced: it sets passed, failed, skipped and failures, and adds to them.
passed=0 failed=0 skipped=0
failures=()

fail() { # fail COUNT WHAT
    failed=$((failed + $1))
    failures+=("$2")
}

# A Criterion test's failure as XML: Criterion ends its CDATA after the first line of a text and escapes nothing that follows.
mend_junit() {
    local mended
    mended=$(LC_ALL=C awk '
        function flush() {
            gsub(/<!\[CDATA\[|\]\]>/, "", text)
            gsub(/&#10;/, "\n", text)
            gsub(/&/, "\\&amp;", text)
            gsub(/</, "\\&lt;", text)
            gsub(/>/, "\\&gt;", text)
            gsub(/[\001-\010\013\014\016-\037]/, "?", text)
            print head text "</failure>"
            inside = 0
        }
        !inside && match($0, /^ *<failure type="[a-z]*" message="[^"]*">/) {
            head = substr($0, 1, RLENGTH)
            $0 = substr($0, RLENGTH + 1)
            text = ""
            inside = 1
        }
        !inside { print; next }
        /<\/failure>$/ { sub(/<\/failure>$/, ""); text = text $0; flush(); next }
        { text = text $0 "\n" }' "$1") && printf '%s\n' "$mended" >"$1"
}

# Adds a JUnit file to the counts and names its failed tests. More files than one program's are given one after the other.
count_junit() {
    local file=$1 tests bad skips name why
    xmllint --noout "$file" 2>/dev/null || mend_junit "$file"
    read -r tests bad skips < <(xmllint --xpath 'concat(count(//testcase), " ", count(//testcase[failure or error]), " ", count(//testcase[skipped]))' "$file" 2>/dev/null)
    [[ ${tests-} ]] || {
        fail 1 "$2 its results cannot be read ($file)"
        return
    }
    passed=$((passed + tests - bad - skips))
    skipped=$((skipped + skips))
    while read -r name; do
        [[ $name ]] || continue
        why=$(xmllint --xpath "string(//testcase[@name='$name']/*[self::failure or self::error])" "$file" 2>/dev/null | head -n 1)
        fail 1 "$2$name${why:+: ${why:0:300}}"
    done < <(xmllint --xpath '//testcase[failure or error]/@name' "$file" 2>/dev/null | sed 's/^ *name="//; s/"$//')
}

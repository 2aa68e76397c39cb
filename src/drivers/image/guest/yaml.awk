# Reads the YAML that people write for cloud-init and prints one line per scalar: a JSON pointer, a tab, the value.
# Understood: block maps and lists, flow [a, b] and {k: v} (over several lines, too), quotes, comments, | and > block
# scalars, ---. Not understood: anchors, tags, complex keys. In values, backslash and newline are printed as \\ and \n.
# Empty maps and lists print nothing; null and ~ print an empty value.

function escape(value) {
  gsub(/\\/, "\\\\", value)
  gsub(/\n/, "\\n", value)
  return value
}

function pointer(key) {
  gsub(/~/, "~0", key)
  gsub(/\//, "~1", key)
  return key
}

function leaf(path, value, quoted) {
  if (!quoted && (value == "~" || value == "null")) value = ""
  out[++outs] = path "\t" escape(value)
}

function trim(text) {
  sub(/^[ \t]+/, "", text)
  sub(/[ \t\r]+$/, "", text)
  return text
}

# Cuts a comment off: a # at the start or after a space, outside quotes.
function uncomment(text,    i, c, q, n) {
  n = length(text)
  if (index(text, "#") == 0) return text
  q = ""
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (q != "") {
      if (q == "\"" && c == "\\") i++
      else if (c == q) q = ""
    } else if ((c == "\"" || c == "'") && (i == 1 || substr(text, i - 1, 1) ~ /[ \t\[{,:-]/)) q = c
    else if (c == "#" && (i == 1 || substr(text, i - 1, 1) ~ /[ \t]/)) return substr(text, 1, i - 1)
  }
  return text
}

# Position of the colon that ends a key, 0 when the text is no "key: value".
function colon(text,    i, c, q, n, depth) {
  n = length(text)
  q = ""
  depth = 0
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (q != "") {
      if (q == "\"" && c == "\\") i++
      else if (c == q) q = ""
    } else if ((c == "\"" || c == "'") && i == 1) q = c
    else if (i == 1 && (c == "[" || c == "{")) return 0
    else if (c == ":" && (i == n || substr(text, i + 1, 1) ~ /[ \t]/)) return i
  }
  return 0
}

function unescape(text,    i, c, r, n) {
  n = length(text)
  if (index(text, "\\") == 0) return text
  r = ""
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (c != "\\") { r = r c; continue }
    c = substr(text, ++i, 1)
    if (c == "n") r = r "\n"
    else if (c == "t") r = r "\t"
    else if (c == "r") r = r "\r"
    else if (c == "0") r = r ""
    else if (c == "e") r = r "\033"
    else r = r c
  }
  return r
}

# Sets scalar (and was_quoted) from plain or quoted text.
function unquote(text,    c) {
  text = trim(text)
  c = substr(text, 1, 1)
  was_quoted = 0
  if (length(text) > 1 && (c == "\"" || c == "'") && substr(text, length(text), 1) == c) {
    was_quoted = 1
    text = substr(text, 2, length(text) - 2)
    if (c == "'") gsub(/''/, "'", text)
    else text = unescape(text)
  }
  return text
}

# Flow collections: a recursive descent over flow_text from flow_at.
function flow_space() {
  while (substr(flow_text, flow_at, 1) ~ /[ \t\n]/) flow_at++
}

function flow_scalar(is_key,    start, c, text) {
  flow_space()
  c = substr(flow_text, flow_at, 1)
  start = flow_at
  if (c == "\"" || c == "'") {
    for (flow_at++; flow_at <= length(flow_text); flow_at++) {
      text = substr(flow_text, flow_at, 1)
      if (c == "\"" && text == "\\") flow_at++
      else if (text == c) { flow_at++; break }
    }
    return unquote(substr(flow_text, start, flow_at - start))
  }
  for (; flow_at <= length(flow_text); flow_at++) {
    c = substr(flow_text, flow_at, 1)
    if (c ~ /[],}[{]/) break
    if (is_key && c == ":" && substr(flow_text, flow_at + 1, 1) ~ /[ \t\n,}]|^$/) break
  }
  return unquote(substr(flow_text, start, flow_at - start))
}

function flow_value(path, depth,    c, n, key, before) {
  if (depth > 32) return
  flow_space()
  c = substr(flow_text, flow_at, 1)
  if (c == "[" || c == "{") {
    flow_at++
    for (n = 0; ; ) {
      flow_space()
      if (flow_at > length(flow_text)) return
      if (substr(flow_text, flow_at, 1) ~ /[]}]/) { flow_at++; return }
      if (substr(flow_text, flow_at, 1) == ",") { flow_at++; continue }
      before = flow_at
      if (c == "[") flow_value(path "/" n++, depth + 1)
      else {
        key = flow_scalar(1)
        flow_space()
        if (substr(flow_text, flow_at, 1) == ":") flow_at++
        flow_space()
        if (substr(flow_text, flow_at, 1) ~ /[,}]/) leaf(path "/" pointer(key), "", 0)
        else flow_value(path "/" pointer(key), depth + 1)
      }
      if (flow_at == before) flow_at++
    }
  }
  key = flow_scalar(0)
  leaf(path, key, was_quoted)
}

# True when every bracket opened in the text is closed.
function balanced(text,    i, c, q, depth, n) {
  n = length(text)
  depth = 0
  q = ""
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (q != "") {
      if (q == "\"" && c == "\\") i++
      else if (c == q) q = ""
    } else if (c == "\"" || c == "'") q = c
    else if (c ~ /[[{]/) depth++
    else if (c ~ /[]}]/) depth--
  }
  return depth <= 0 && q == ""
}

function indent_of(text) {
  match(text, /^ */)
  return RLENGTH
}

function blank(text) {
  return text ~ /^[ \t\r]*$/ || text ~ /^[ \t]*#/
}

# A block scalar whose header is in `header` and whose lines follow line `at` and are deeper than `parent`.
function block_scalar(path, header, parent,    text, deep, folded, chomp, first, n, pending, line) {
  folded = substr(header, 1, 1) == ">"
  chomp = header ~ /-/ ? "-" : (header ~ /\+/ ? "+" : "")
  deep = -1
  if (match(header, /[1-9]/)) deep = parent + substr(header, RSTART, 1)
  text = ""
  pending = ""
  n = 0
  while (at < lines) {
    line = line_of[at + 1]
    sub(/\r$/, "", line)
    if (line ~ /^ *$/) { pending = pending "\n"; at++; continue }
    if (deep < 0) deep = indent_of(line) > parent ? indent_of(line) : 1000000
    if (indent_of(line) < deep) break
    at++
    line = substr(line, deep + 1)
    if (n++ == 0) text = pending line
    else if (folded && pending == "" && line !~ /^[ \t]/) text = text " " line
    else if (folded && line !~ /^[ \t]/) text = text pending line
    else text = text "\n" pending line
    pending = ""
  }
  if (n > 0 && chomp == "") text = text "\n"
  else if (chomp == "+") text = text "\n" pending
  leaf(path, text, 1)
}

# The value that starts in the rest of a line, or in the lines after it.
function value(path, text, parent,    more) {
  text = trim(uncomment(text))
  if (text ~ /^[|>][-+1-9]*$/) { block_scalar(path, text, parent); return }
  if (text ~ /^[[{]/) {
    while (!balanced(text) && at < lines) text = text " " trim(uncomment(line_of[++at]))
    flow_text = text
    flow_at = 1
    flow_value(path, 0)
    return
  }
  if (text ~ /^["']/ && !closed(text)) {
    while (!closed(text) && at < lines) text = text " " trim(line_of[++at])
  } else if (text != "" && text !~ /^["']/) {
    # A plain scalar goes on in deeper lines.
    while (at < lines && !blank(line_of[at + 1]) && indent_of(line_of[at + 1]) > parent) {
      more = trim(uncomment(line_of[++at]))
      text = text " " more
    }
  }
  more = unquote(text)
  leaf(path, more, was_quoted)
}

# True when the quote that opens the text is closed.
function closed(text,    i, c, d, n) {
  c = substr(text, 1, 1)
  n = length(text)
  for (i = 2; i <= n; i++) {
    d = substr(text, i, 1)
    if (c == "\"" && d == "\\") i++
    else if (d == c && c == "'" && substr(text, i + 1, 1) == c) i++
    else if (d == c) return 1
  }
  return 0
}

# Reads the block whose first line is at + 1 and whose indentation is `deep`.
function block(path, deep, depth,    line, text, n, at_colon, key, rest, inner) {
  n = 0
  while (at < lines && depth < 64) {
    if (blank(line_of[at + 1])) { at++; continue }
    line = line_of[at + 1]
    sub(/\r$/, "", line)
    if (indent_of(line) != deep) {
      if (indent_of(line) < deep) return
      at++
      continue
    }
    text = substr(line, deep + 1)
    if (text ~ /^-([ \t]|$)/) {
      rest = substr(text, 2)
      inner = deep + 1 + indent_of(rest)
      rest = trim(uncomment(rest))
      if (rest == "") {
        at++
        nested(path "/" n++, deep, depth, deep + 1)
      } else if (rest ~ /^-([ \t]|$)/ || (colon(rest) && rest !~ /^[|>[{]/)) {
        # The item is a block whose first line is the rest of this one.
        line_of[at + 1] = spaces(inner) substr(text, inner - deep + 1)
        block(path "/" n++, inner, depth + 1)
      } else {
        at++
        value(path "/" n++, rest, deep)
      }
      continue
    }
    at_colon = colon(text)
    if (at_colon == 0) { at++; value(path, text, deep); continue }
    key = unquote(substr(text, 1, at_colon - 1))
    rest = substr(text, at_colon + 1)
    at++
    if (trim(uncomment(rest)) == "") nested(path "/" pointer(key), deep, depth, deep)
    else value(path "/" pointer(key), rest, deep)
  }
}

# A value on the lines after its key; a list may stand at the key's own indentation.
function nested(path, deep, depth, list_deep,    line) {
  while (at < lines && blank(line_of[at + 1])) at++
  line = line_of[at + 1]
  if (at < lines && indent_of(line) > deep) block(path, indent_of(line), depth + 1)
  else if (at < lines && list_deep == deep && indent_of(line) == deep && line ~ /^ *-([ \t]|$)/) list(path, deep, depth)
  else leaf(path, "", 0)
}

# A list at its key's indentation ends where the next key starts.
function list(path, deep, depth,    stop, i) {
  stop = lines
  for (i = at + 1; i <= lines; i++) {
    if (!blank(line_of[i]) && indent_of(line_of[i]) <= deep && line_of[i] !~ /^ *-([ \t]|$)/) { stop = i - 1; break }
    if (!blank(line_of[i]) && indent_of(line_of[i]) < deep) { stop = i - 1; break }
  }
  i = lines
  lines = stop
  block(path, deep, depth + 1)
  lines = i
}

function spaces(n) {
  return sprintf("%" n "s", "")
}

# Parses line_of[1..lines]; the result is in out[1..outs].
function parse_yaml(    line) {
  at = 0
  outs = 0
  while (at < lines && (blank(line_of[at + 1]) || line_of[at + 1] ~ /^(---|%)/)) at++
  if (at < lines) {
    if (trim(line_of[at + 1]) ~ /^[[{]/) value("", line_of[++at], -1)
    else block("", indent_of(line_of[at + 1]), 0)
  }
}

{ sub(/^\357\273\277/, ""); line_of[++lines] = $0 }

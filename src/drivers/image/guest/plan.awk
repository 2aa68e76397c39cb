# Shared by network.awk and user-data.awk: the parsed document as a map, and shell words that hold anything safely.

# Fills doc[pointer] and, for lists and maps, size[pointer] and child[pointer, n] = key, from yaml.awk's out[].
function index_document(    i, tab, path, value, parts, n, j, parent) {
  for (i = 1; i <= outs; i++) {
    tab = index(out[i], "\t")
    path = substr(out[i], 1, tab - 1)
    value = substr(out[i], tab + 1)
    if (path == "/network") continue
    sub(/^\/network\//, "/", path)
    doc[path] = unescape(value)
    n = split(substr(path, 2), parts, "/")
    parent = ""
    for (j = 1; j <= n; j++) {
      if (!((parent "/" parts[j]) in known)) {
        known[parent "/" parts[j]] = 1
        child[parent, size[parent]++] = parts[j]
      }
      parent = parent "/" parts[j]
    }
  }
}

function name_of(part) {
  gsub(/~1/, "/", part)
  gsub(/~0/, "~", part)
  return part
}

function truthy(value) {
  return tolower(value) ~ /^(true|yes|on|1)$/
}

function quote(text) {
  gsub(/'/, "'\\''", text)
  return "'" text "'"
}

function call(words) {
  print words
}

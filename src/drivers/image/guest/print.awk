# With yaml.awk: prints every scalar of the document.
END {
  parse_yaml()
  for (i = 1; i <= outs; i++) print out[i]
}

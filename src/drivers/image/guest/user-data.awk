# With yaml.awk and plan.awk: turns #cloud-config user data into calls of the functions in user-data.sh. With
# -v only=boot just the hostname and bootcmd, else everything after that.

function strings(path, words,    i) {
  if ((path in doc) && doc[path] != "") call(words " " quote(doc[path]))
  for (i = 0; i < size[path] + 0; i++) if ((path "/" i) in doc) call(words " " quote(doc[path "/" i]))
}

function commands(path,    i, j, line) {
  for (i = 0; i < size[path] + 0; i++) {
    if ((path "/" i) in doc) call("run_command " quote(doc[path "/" i]))
    else {
      line = "run_arguments"
      for (j = 0; j < size[path "/" i] + 0; j++) line = line " " quote(doc[path "/" i "/" j])
      call(line)
    }
  }
}

function hostname(    name) {
  name = doc["/fqdn"] != "" ? doc["/fqdn"] : doc["/hostname"]
  if (truthy(doc["/prefer_fqdn_over_hostname"]) == 0 && doc["/hostname"] != "") name = doc["/hostname"]
  if (name ~ /^[A-Za-z0-9][A-Za-z0-9.-]*$/ && !truthy(doc["/preserve_hostname"])) call("set_hostname " name)
}

function user(path,    name) {
  if (path in doc) { if (doc[path] != "default") call("account " quote(doc[path])); return }
  name = doc[path "/name"]
  if (name == "") return
  call("account " quote(name))
  if (doc[path "/passwd"] != "") call("password_hash " quote(name) " " quote(doc[path "/passwd"]))
  if (doc[path "/hashed_passwd"] != "") call("password_hash " quote(name) " " quote(doc[path "/hashed_passwd"]))
  if (doc[path "/plain_text_passwd"] != "") call("password_of " quote(name) " " quote(doc[path "/plain_text_passwd"]))
  strings(path "/ssh_authorized_keys", "authorized_key " quote(name))
  strings(path "/ssh-authorized-keys", "authorized_key " quote(name))
}

function passwords(    i, n, lines_, at_colon, path) {
  n = split(doc["/chpasswd/list"], lines_, "\n")
  for (i = 0; i < size["/chpasswd/list"] + 0; i++) lines_[++n] = doc["/chpasswd/list/" i]
  for (i = 1; i <= n; i++) {
    at_colon = index(lines_[i], ":")
    if (at_colon > 1) call("password_of " quote(substr(lines_[i], 1, at_colon - 1)) " " quote(substr(lines_[i], at_colon + 1)))
  }
  for (i = 0; i < size["/chpasswd/users"] + 0; i++) {
    path = "/chpasswd/users/" i
    call((doc[path "/type"] == "hash" ? "password_hash " : "password_of ") quote(doc[path "/name"]) " " quote(doc[path "/password"]))
  }
}

function files(    i, path) {
  for (i = 0; i < size["/write_files"] + 0; i++) {
    path = "/write_files/" i
    call("file " quote(doc[path "/path"]) " " quote(doc[path "/permissions"]) " " quote(doc[path "/encoding"]) " " \
      quote(truthy(doc[path "/append"])) " " quote(doc[path "/content"]))
  }
}

END {
  parse_yaml()
  index_document()
  if (only == "boot") {
    hostname()
    commands("/bootcmd")
    exit
  }
  if (doc["/user"] != "") call("default_user " quote(doc["/user"]))
  if (doc["/user/name"] != "") call("default_user " quote(doc["/user/name"]))
  for (i = 0; i < size["/users"] + 0; i++) user("/users/" i)
  strings("/ssh_authorized_keys", "authorized_key ''")
  if (doc["/password"] != "") call("password_of '' " quote(doc["/password"]))
  passwords()
  if (truthy(doc["/ssh_pwauth"])) call("ssh_passwords")
  files()
  call("accounts_done")
  commands("/runcmd")
}

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const scripts = fileURLToPath(new URL('guest/', import.meta.url));

/** Runs the guest's scripts with the guest's awk. */
function awk(
  files: readonly string[],
  input: string,
  variables: Readonly<Record<string, string>> = {},
): string {
  const argv = [
    'awk',
    ...Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`]),
    ...files.flatMap((file) => ['-f', `${scripts}${file}`]),
  ];
  return execFileSync('/bin/busybox', argv, { input }).toString();
}

/** Scalars of a document by JSON pointer, as yaml.awk prints them. */
function scalars(value: unknown, path = ''): readonly string[] {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, child]) =>
      scalars(child, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    );
  }
  const text = value === null ? '' : String(value);
  return [`${path}\t${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`];
}

const documents: Readonly<Record<string, string>> = {
  'the documentation: static IPv6 beside DHCP': `version: 2
ethernets:
  eth0:
    dhcp4: true
    addresses: [ fd10:0:2::2/120 ]
    gateway6: fd10:0:2::1
`,
  'lists at the indentation of their key, and deeper': `a:
- 1
- b: 2
  c: 3
-   d: 4
    e:
    - 5
f:
  - - x
    - y
  - z
g: last
`,
  'flow collections over lines': `a: {b: [1, 2, {c: "x, y"}], 'd e': f}
g: [ one,
  two # comment
  ]
h: {}
i: []
j: {k: , l: m}
`,
  'quotes, comments and colons': `a: "b # c"   # d
b: 'it''s'
c: x#y
d: http://host:80/path
e: "tab\\t nl\\n quote\\" back\\\\"
"f g": h
'i': "j: k"
k: a 'quoted' word
l: ~
m: null
n:
o: 12:30:45 x
`,
  'block scalars': `a: |
  one
    two

  three
b: |-
  no end
c: >
  folded
  text

  paragraph
d: >-
  x
  y
e:
  - |
    in a list
  - after
`,
  'plain text over lines': `a: one
  two
  three
b: - not a list
`,
  'a document mark, and carriage returns': '---\r\na: 1\r\nb:\r\n  - 2\r\n',
  'keys with slashes and tildes': 'a/b: 1\nc~d: 2\n',
  'commands as they are written': `runcmd:
  - echo "a: b" > /tmp/x
  - [ sh, -c, 'echo $HOME; ls | wc -l' ]
  - sed -i 's/a\\b/c/' /etc/x
`,
};

describe.skipIf(!existsSync('/bin/busybox'))('yaml.awk', () => {
  it.each(Object.entries(documents))('reads %s', (_, text) => {
    const lines = awk(['yaml.awk', 'print.awk'], text).split('\n').slice(0, -1);
    // Empty collections print nothing in either.
    expect(lines).toEqual(scalars(parse(text.replace('b: - not a list\n', 'b: "- not a list"\n'))));
  });

  it('ends on hostile documents', () => {
    for (const text of [
      '[[[[[[',
      '{a: {b',
      '- - - - -',
      'a: "x',
      "'",
      ':',
      'a:\n b:\n  c',
      '|',
      '['.repeat(500),
    ]) {
      awk(['yaml.awk', 'print.awk'], text);
    }
  });
});

const plan = (text: string): readonly string[] =>
  awk(['yaml.awk', 'plan.awk', 'network.awk'], text, {
    nics: 'eth0=02:00:00:00:00:00,eth1=02:00:00:00:00:01',
  })
    .split('\n')
    .slice(0, -1);

describe.skipIf(!existsSync('/bin/busybox'))('network.awk', () => {
  it('plans version 2', () => {
    const text = `network:
  version: 2
  ethernets:
    any:
      match: {macaddress: "02:00:00:00:00:01"}
      set-name: lan0
      addresses: [10.1.0.2/24, "fd00::2/64"]
      gateway4: 10.1.0.1
      gateway6: fd00::1
      mtu: 1300
      nameservers: {addresses: [10.1.0.53, "fd00::53"], search: [lab.example]}
      routes:
        - to: default
          via: 10.1.0.9
          metric: 5
        - {to: 10.9.0.0/16, via: 10.1.0.8}
    eth7: {dhcp4: true}
  vlans:
    lan0.5: {id: 5, link: lan0, addresses: [10.5.0.2/24]}
`;
    expect(plan(text)).toEqual([
      'rename eth1 lan0',
      'mtu lan0 1300',
      'address lan0 10.1.0.2/24',
      'address lan0 fd00::2/64',
      'route lan0 default 10.1.0.1',
      'route lan0 default fd00::1',
      'route lan0 default 10.1.0.9 5',
      'route lan0 10.9.0.0/16 10.1.0.8',
      'dns 10.1.0.53',
      'dns fd00::53',
      'search lab.example',
      'absent eth7',
      'vlan lan0.5 lan0 5',
      'address lan0.5 10.5.0.2/24',
      'dhcp4 eth0',
      'dhcp6 eth0',
    ]);
  });

  it('plans version 1', () => {
    const text = `version: 1
config:
  - type: physical
    name: eth0
    mac_address: "02:00:00:00:00:00"
    mtu: 1400
    subnets:
      - {type: static, address: 10.0.0.2, netmask: 255.255.252.0, gateway: 10.0.0.1, dns_nameservers: [10.0.0.53]}
      - {type: static6, address: "fd00::2/64"}
  - {type: physical, name: eth1, subnets: [{type: dhcp4}, {type: dhcp6}]}
  - {type: route, destination: 10.8.0.0/16, gateway: 10.0.0.9}
  - {type: nameserver, address: [1.1.1.1], search: [a.example]}
`;
    expect(plan(text)).toEqual([
      'mtu eth0 1400',
      'address eth0 10.0.0.2/22',
      'route eth0 default 10.0.0.1',
      'dns 10.0.0.53',
      'address eth0 fd00::2/64',
      'dhcp4 eth1',
      'dhcp6 eth1',
      'route - 10.8.0.0/16 10.0.0.9',
      'dns 1.1.1.1',
      'search a.example',
    ]);
  });

  it('asks for addresses on cards that nobody mentions', () => {
    expect(plan('version: 2\nethernets: {eth1: {dhcp4: false}}\n')).toEqual(['dhcp4 eth0', 'dhcp6 eth0']);
  });

  it('lets no value become a command', () => {
    const text =
      'version: 2\nethernets: {eth0: {addresses: ["1.2.3.4/24; reboot", "$(reboot)"], mtu: "`x`"}}\n';
    expect(plan(text)).toEqual(['dhcp4 eth1', 'dhcp6 eth1']);
  });
});

describe.skipIf(!existsSync('/bin/busybox'))('user-data.awk', () => {
  const calls = (text: string, only = ''): string =>
    awk(['yaml.awk', 'plan.awk', 'user-data.awk'], text, { only });

  it('plans accounts, keys, passwords, files and commands, each value one shell word', () => {
    const text = `#cloud-config
hostname: h1
bootcmd: [echo early]
user: fedora
password: it's
chpasswd: {expire: false, list: "root:a:b\\nbob:c"}
ssh_pwauth: true
ssh_authorized_keys: [ssh-rsa A $(reboot)]
users:
  - default
  - name: alice
    ssh_authorized_keys: [k1, k2]
write_files:
  - {path: /etc/x, permissions: '0600', content: "a'b\\n"}
runcmd:
  - echo 'x'
  - [touch, "/tmp/a b"]
`;
    expect(calls(text, 'boot')).toBe("set_hostname h1\nrun_command 'echo early'\n");
    expect(calls(text).split('\n')).toEqual([
      "default_user 'fedora'",
      "account 'alice'",
      "authorized_key 'alice' 'k1'",
      "authorized_key 'alice' 'k2'",
      "authorized_key '' 'ssh-rsa A $(reboot)'",
      "password_of '' 'it'\\''s'",
      "password_of 'root' 'a:b'",
      "password_of 'bob' 'c'",
      'ssh_passwords',
      "file '/etc/x' '0600' '' '0' 'a'\\''b",
      "'",
      'accounts_done',
      "run_command 'echo '\\''x'\\'''",
      "run_arguments 'touch' '/tmp/a b'",
      '',
    ]);
  });
});

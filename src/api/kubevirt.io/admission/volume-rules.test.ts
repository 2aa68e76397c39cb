import { type Accepted, checkRules, podNic, type Refused, spec } from './spec-cases.ts';

const disks = 'spec.domain.devices.disks';

const refused: readonly Refused[] = [
  ['volume without source', spec({ volumes: [{ name: 'v' }] }), ['Invalid spec.volumes[0]']],
  [
    'volume with two sources',
    spec({ volumes: [{ name: 'v', containerDisk: { image: 'x' }, emptyDisk: { capacity: '1Gi' } }] }),
    ['Invalid spec.volumes[0]'],
  ],
  [
    'volume names twice',
    spec({
      volumes: [
        { name: 'v', containerDisk: { image: 'x' } },
        { name: 'v', containerDisk: { image: 'y' } },
      ],
    }),
    ['Duplicate spec.volumes[1].name'],
  ],
  [
    'empty image',
    spec({ volumes: [{ name: 'v', containerDisk: { image: '' } }] }),
    ['Required spec.volumes[0].containerDisk.image'],
  ],
  [
    'capacity that is no quantity',
    spec({ volumes: [{ name: 'v', emptyDisk: { capacity: 'big' } }] }),
    ['Invalid spec.volumes[0].emptyDisk.capacity'],
  ],
  [
    'host path with ..',
    spec({ volumes: [{ name: 'v', hostDisk: { path: '/a/../b', type: 'Disk' } }] }),
    ['Invalid spec.volumes[0].hostDisk.path'],
  ],
  [
    'two serviceAccount volumes',
    spec({
      volumes: ['a', 'b'].map((name) => ({ name, serviceAccount: { serviceAccountName: 'default' } })),
    }),
    ['Forbidden spec.volumes[1].serviceAccount'],
  ],
  [
    'disk without volume',
    spec({}, { devices: { disks: [{ name: 'd', disk: {} }] } }),
    [`Invalid ${disks}[0].name`],
  ],
  [
    'disk names twice',
    spec(
      { volumes: [{ name: 'd', containerDisk: { image: 'x' } }] },
      { devices: { disks: [{ name: 'd' }, { name: 'd' }] } },
    ),
    [`Duplicate ${disks}[1].name`],
  ],
  [
    'disk and cdrom',
    spec(
      { volumes: [{ name: 'd', containerDisk: { image: 'x' } }] },
      { devices: { disks: [{ name: 'd', disk: {}, cdrom: {} }] } },
    ),
    [`Invalid ${disks}[0]`],
  ],
  [
    'unknown bus',
    spec(
      { volumes: [{ name: 'd', containerDisk: { image: 'x' } }] },
      { devices: { disks: [{ name: 'd', disk: { bus: 'ide' } }] } },
    ),
    [`Invalid ${disks}[0].disk.bus`],
  ],
  [
    'cloud-init without data',
    spec({ volumes: [{ name: 'c', cloudInitNoCloud: {} }] }),
    ['Required spec.volumes[0].cloudInitNoCloud'],
  ],
  [
    'user data twice',
    spec({ volumes: [{ name: 'c', cloudInitNoCloud: { userData: 'a', userDataBase64: 'YQ==' } }] }),
    ['Forbidden spec.volumes[0].cloudInitNoCloud.userDataBase64'],
  ],
  [
    'network data twice',
    spec({
      volumes: [
        { name: 'c', cloudInitConfigDrive: { networkData: 'a', networkDataSecretRef: { name: 's' } } },
      ],
    }),
    ['Forbidden spec.volumes[0].cloudInitConfigDrive.networkDataSecretRef'],
  ],
  [
    'broken base64',
    spec({ volumes: [{ name: 'c', cloudInitNoCloud: { userDataBase64: 'not base64!' } }] }),
    ['Invalid spec.volumes[0].cloudInitNoCloud.userDataBase64'],
  ],
  [
    'large user data',
    spec({ volumes: [{ name: 'c', cloudInitNoCloud: { userData: 'x'.repeat(2049) } }] }),
    ['TooLong spec.volumes[0].cloudInitNoCloud.userData'],
  ],
  ['credential of no kind', spec({ accessCredentials: [{}] }), ['Invalid spec.accessCredentials[0]']],
  [
    'key without volume',
    spec({
      accessCredentials: [
        { sshPublicKey: { source: { secret: { secretName: 's' } }, propagationMethod: { noCloud: {} } } },
      ],
    }),
    ['Invalid spec.accessCredentials[0].sshPublicKey.propagationMethod.noCloud'],
  ],
  [
    'key without source',
    spec({
      accessCredentials: [
        { sshPublicKey: { source: {}, propagationMethod: { qemuGuestAgent: { users: ['a'] } } } },
      ],
    }),
    ['Required spec.accessCredentials[0].sshPublicKey.source'],
  ],
  [
    'key without user',
    spec({
      accessCredentials: [
        {
          sshPublicKey: {
            source: { secret: { secretName: 's' } },
            propagationMethod: { qemuGuestAgent: { users: [] } },
          },
        },
      ],
    }),
    ['Required spec.accessCredentials[0].sshPublicKey.propagationMethod.qemuGuestAgent.users'],
  ],
  [
    'password without method',
    spec({
      accessCredentials: [
        { userPassword: { source: { secret: { secretName: 's' } }, propagationMethod: {} } },
      ],
    }),
    ['Required spec.accessCredentials[0].userPassword.propagationMethod'],
  ],
  ['host name with a dot', spec({ hostname: 'a.b' }), ['Invalid spec.hostname']],
  ['dnsPolicy None without server', spec({ dnsPolicy: 'None' }), ['Required spec.dnsConfig.nameservers']],
  [
    'name server that is no address',
    spec({ dnsConfig: { nameservers: ['dns'] } }),
    ['Invalid spec.dnsConfig.nameservers[0]'],
  ],
  ['probe of no kind', spec({ readinessProbe: {} }), ['Required spec.readinessProbe']],
  [
    'probe of two kinds',
    spec({ livenessProbe: { guestAgentPing: {}, exec: { command: ['true'] } } }),
    ['Forbidden spec.livenessProbe'],
  ],
  [
    'probe over a network that is not there',
    spec({ readinessProbe: { tcpSocket: { port: 22 } } }),
    ['Forbidden spec.readinessProbe.tcpSocket'],
  ],
  [
    'paused start with liveness probe',
    spec({ startStrategy: 'Paused', livenessProbe: { guestAgentPing: {} } }),
    ['Forbidden spec.startStrategy'],
  ],
];

const accepted: readonly Accepted[] = [
  ['empty CD drive', spec({}, { devices: { disks: [{ name: 'cd', cdrom: { bus: 'sata' } }] } })],
  [
    'key by cloud-init',
    spec({
      volumes: [{ name: 'c', cloudInitNoCloud: { userData: '#cloud-config' } }],
      accessCredentials: [
        { sshPublicKey: { source: { secret: { secretName: 's' } }, propagationMethod: { noCloud: {} } } },
      ],
    }),
  ],
  [
    'network data alone, in a Secret',
    spec({ volumes: [{ name: 'c', cloudInitNoCloud: { networkDataSecretRef: { name: 's' } } }] }),
  ],
  ['probe on the pod network', { ...podNic({}), readinessProbe: { tcpSocket: { port: 22 } } }],
];

checkRules('volume rules', refused, accepted);

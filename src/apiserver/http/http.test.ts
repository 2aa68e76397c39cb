import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { negotiate } from './accept.ts';
import { decodeJson, decodeYaml } from './body.ts';
import { scanJson } from './json-scan.ts';
import { decodeProtobuf } from './protobuf.ts';
import { protobufMessages } from './protobuf-messages.ts';
import { requestInfo } from './request-info.ts';

describe('request info', () => {
  test.each([
    ['GET', '/api/v1/pods', 'list', '', 'pods', '', '', ''],
    ['GET', '/api/v1/namespaces/a/pods?watch=true', 'watch', 'a', 'pods', '', '', ''],
    ['GET', '/api/v1/namespaces/a/pods?watch=false', 'list', 'a', 'pods', '', '', ''],
    ['GET', '/api/v1/namespaces/a/pods/p', 'get', 'a', 'pods', 'p', '', ''],
    ['PATCH', '/api/v1/namespaces/a/pods/p/status', 'patch', 'a', 'pods', 'p', 'status', ''],
    ['GET', '/api/v1/namespaces', 'list', '', 'namespaces', '', '', ''],
    ['DELETE', '/api/v1/namespaces/a', 'delete', 'a', 'namespaces', 'a', '', ''],
    ['PUT', '/api/v1/namespaces/a/finalize', 'update', 'a', 'namespaces', 'a', 'finalize', ''],
    [
      'DELETE',
      '/apis/kubevirt.io/v1/namespaces/a/virtualmachines',
      'deletecollection',
      'a',
      'virtualmachines',
      '',
      '',
      'kubevirt.io',
    ],
    [
      'POST',
      '/apis/nmstate.io/v1/nodenetworkstates',
      'create',
      '',
      'nodenetworkstates',
      '',
      '',
      'nmstate.io',
    ],
    ['GET', '/api/v1/nodes/system%3Anode', 'get', '', 'nodes', 'system:node', '', ''],
  ])('%s %s', (method, url, verb, namespace, resource, name, subresource, group) => {
    const info = requestInfo(method, url);
    expect(info).toMatchObject({ isResource: true, verb, namespace, resource, name, subresource, group });
  });

  test.each(['/', '/api', '/api/v1', '/api/v1/', '/apis/kubevirt.io/v1', '/version', '/apiz/v1/pods'])(
    '%s is no resource',
    (url) => {
      expect(requestInfo('GET', url).isResource).toBe(false);
    },
  );

  test('a broken escape throws what the pipeline answers with 400', () => {
    expect(() => requestInfo('GET', '/api/v1/nodes/%zz')).toThrow(URIError);
  });
});

describe('accept', () => {
  const transforms = ['Table', 'PartialObjectMetadata'] as const;
  test.each([
    [undefined, { as: 'object' }],
    ['*/*', { as: 'object' }],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', { as: 'Table' }],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', { as: 'object' }],
    [
      'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json',
      { as: 'PartialObjectMetadata' },
    ],
    ['application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', undefined],
    ['application/vnd.kubernetes.protobuf, */*', { as: 'object' }],
    ['application/vnd.kubernetes.protobuf', undefined],
    ['application/json;stream=watch', { as: 'object' }],
  ])('%s', (accept, form) => {
    expect(negotiate(accept, transforms)?.form).toEqual(form);
  });
});

describe('JSON', () => {
  test.each([
    ['{"a":1,"a":2}', ['a']],
    ['{"a":{"b":1,"b":2},"c":[{"d":1},{"d":1,"\\u0064":2}]}', ['a.b', 'c[1].d']],
    ['{"a":"\\"b\\":1","b":2}', []],
    ['{"a":"x\\\\","b":"{","c":["b","b"]}', []],
  ])('keys that occur twice in %s', (text, duplicates) => {
    expect(scanJson(text, 64)).toEqual({ duplicates });
  });

  test('any value is read as JSON.parse reads it, and has no duplicates', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(decodeJson(text)).toEqual({ value: JSON.parse(text), duplicates: [] });
      }),
    );
  });

  test('any text is answered, at worst with 400', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[[\]{}",:\\a1 ]*$/), (text) => {
        let expected: unknown = 400;
        try {
          expected = JSON.parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
        expect(attempt(() => decodeJson(text).value)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('depth and dangerous keys are refused before parsing', () => {
    expect(attempt(() => decodeJson('['.repeat(100_000)))).toBe(400);
    expect(attempt(() => decodeJson('{"a":{"\\u005f_proto__":{}}}'))).toBe(400);
  });
});

describe('YAML', () => {
  test('is read as Kubernetes reads it', () => {
    expect(decodeYaml('a: yes\nb: 0x10\nc: "1"\nd: [x]\ne: null\n').value).toEqual({
      a: true,
      b: 16,
      c: '1',
      d: ['x'],
      e: null,
    });
    expect(decodeYaml(' {"a": 1}').value).toEqual({ a: 1 });
  });

  const brackets = '['.repeat(70);
  test.each([
    ['as content', `a: "${brackets}"\nb: '{"{'\nc: |\n  ${brackets}\nd: x${brackets}\n`],
    ['beside each other', `${'- [1]\n'.repeat(70)}`],
  ])('may have many brackets %s', (_, text) => {
    expect(JSON.stringify(decodeYaml(text).value)).toMatch(/\[{66}|(\[1\],?){70}/);
  });

  test('that nests too deep is refused before it is parsed', () => {
    expect(() => decodeYaml(`a: ${brackets}${']'.repeat(70)}`)).toThrow('nested deeper than 64 levels');
  });

  test.each([
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a key twice', 'a: 1\na: 2\n'],
    ['an alias bomb', `a: &a [x,x]\n${Array.from({ length: 30 }, (_, i) => `k${i}: *a`).join('\n')}\n`],
    ['a broken list', 'a: [1\n'],
  ])('%s is refused', (_, text) => {
    expect(attempt(() => decodeYaml(text))).toBe(400);
  });
});

describe('protobuf', () => {
  const length = (bytes: Buffer): Buffer =>
    bytes.length < 128
      ? Buffer.from([bytes.length])
      : Buffer.from([(bytes.length & 0x7f) | 0x80, bytes.length >> 7]);
  const field = (number: number, value: string | Buffer): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([(number << 3) | 2]), length(bytes), bytes]);
  };
  const wrap = (kind: string, raw: Buffer): Buffer => {
    const type = Buffer.concat([field(1, 'v1'), field(2, kind)]);
    return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, raw), field(3, ''), field(4, '')]);
  };
  const metadata = Buffer.concat([
    field(1, 'one'),
    field(2, ''),
    field(11, Buffer.concat([field(1, 'a'), field(2, 'b')])),
    field(8, ''),
  ]);
  const configMap = wrap(
    'ConfigMap',
    Buffer.concat([
      field(1, metadata),
      field(2, Buffer.concat([field(1, 'k'), field(2, 'v')])),
      field(3, Buffer.concat([field(1, 'x'), field(2, 'y')])),
      Buffer.from([0x20, 0]),
    ]),
  );

  test('becomes what its JSON would be', () => {
    expect(decodeProtobuf(configMap, protobufMessages)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', labels: { a: 'b' } },
      data: { k: 'v' },
      binaryData: { x: 'eQ==' },
      immutable: false,
    });
  });

  test('cut or changed anywhere is read or refused, never worse', () => {
    fc.assert(
      fc.property(fc.nat(configMap.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const bytes = Buffer.from(cut ? configMap.subarray(0, at) : configMap);
        if (!cut) {
          bytes[at] = byte;
        }
        const result = attempt(() => decodeProtobuf(bytes, protobufMessages));
        expect(result === 400 || typeof result === 'object').toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('of kinds that are not known is refused', () => {
    expect(() => decodeProtobuf(wrap('Widget', metadata), protobufMessages)).toThrow(
      /send them as JSON or YAML/,
    );
  });
});

/** The result, or the code of the refusal. */
function attempt(body: () => unknown): unknown {
  try {
    return body();
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
}

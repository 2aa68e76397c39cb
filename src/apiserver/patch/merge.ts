/** JSON merge patch (RFC 7386). Pure: neither `doc` nor `patch` is changed; untouched parts are shared with `doc`. */
export function applyMergePatch(doc: unknown, patch: unknown): unknown {
  if (!isObject(patch)) {
    return patch;
  }
  const result: Record<string, unknown> = isObject(doc) ? { ...doc } : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (key === '__proto__') {
      continue; // would change the prototype instead of a field; no API field has this name
    }
    if (value === null) {
      delete result[key];
    } else {
      result[key] = applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value);
    }
  }
  return result;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

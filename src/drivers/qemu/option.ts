/** A `-device` with its properties as JSON, in which no value can add an option. */
export function deviceOption(properties: Readonly<Record<string, unknown>>): readonly string[] {
  return ['-device', JSON.stringify(properties)];
}

/** A value inside a comma-separated option. */
export function escapeOption(value: string): string {
  return value.replaceAll(',', ',,');
}

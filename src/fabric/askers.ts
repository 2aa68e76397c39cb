/** Which pods ask for which definitions: they are looked at again when one changes. */
export class Askers {
  readonly #pods = new Map<string, Set<string>>();
  readonly #asked = new Map<string, readonly string[]>();

  /** Pods that ask for a definition. */
  of(nad: string): readonly string[] {
    return [...(this.#pods.get(nad) ?? [])];
  }

  /** Takes over what a pod asks for; nothing when it is gone. */
  remember(pod: string, nads: readonly string[]): void {
    for (const nad of this.#asked.get(pod) ?? []) {
      const pods = this.#pods.get(nad);
      pods?.delete(pod);
      if (pods?.size === 0) {
        this.#pods.delete(nad);
      }
    }
    if (nads.length === 0) {
      this.#asked.delete(pod);
      return;
    }
    this.#asked.set(pod, nads);
    for (const nad of nads) {
      this.#pods.set(nad, (this.#pods.get(nad) ?? new Set()).add(pod));
    }
  }
}

/** Key under which pods of a namespace wait for its primary network. */
export function primaryOf(namespace: string): string {
  return `${namespace}/*`;
}

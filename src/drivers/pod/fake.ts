/** Containers in memory: they run until told otherwise. */
import { PassThrough } from 'node:stream';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerResources, ContainerState, PodLimits } from '#node-state/container.ts';
import type { ContainerDriver, ContainerView, ExecOptions, ExecSession, VolumeContents } from './driver.ts';
import { runId } from './paths.ts';

/** What a command in a fake container does. */
export interface FakeCommand {
  readonly exitCode: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** The fake. */
export class FakeContainerDriver implements ContainerDriver {
  readonly views = new Map<string, ContainerView>();
  readonly volumes = new Map<string, readonly VolumeContents[]>();
  /** What runs of a command end with; default: status 0 at once. */
  command: (argv: readonly string[]) => FakeCommand = () => ({ exitCode: 0 });
  /** Why the next start fails. */
  startError: string | undefined;
  /** Why limits cannot be changed. */
  updateError: PatchbayError | undefined;
  /** Limits that were set, oldest first. */
  readonly updates: (ContainerResources & { readonly id: string })[] = [];
  /** Limits of pods as a whole. */
  readonly podLimits = new Map<string, PodLimits>();
  /** Ports that answer. */
  readonly ports = new Set<number>();
  readonly #handlers = new Set<(podUid: string) => void>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Ends a run. */
  end(id: string, exitCode: number, message = ''): void {
    const view = this.#view(id);
    const startedAt = view.phase.type === 'running' ? view.phase.startedAt : undefined;
    const phase = {
      type: 'exited',
      exitCode,
      oomKilled: false,
      startedAt,
      finishedAt: this.#now(),
      message,
    } as const;
    this.views.set(id, { ...view, pid: undefined, phase });
    for (const handler of this.#handlers) handler(view.container.podUid);
  }

  async load(): Promise<void> {}

  close(): void {
    this.#handlers.clear();
  }

  pods(): readonly string[] {
    return [...new Set([...this.views.values()].map(({ container }) => container.podUid))];
  }

  list(podUid: string): readonly ContainerView[] {
    return [...this.views.values()]
      .filter(({ container }) => container.podUid === podUid)
      .toSorted((a, b) => a.container.attempt - b.container.attempt);
  }

  async start(container: ContainerState): Promise<ContainerView> {
    const id = runId(container.podUid, container.name, container.attempt);
    const now = this.#now();
    const startError = this.startError;
    this.startError = undefined;
    const phase: ContainerView['phase'] =
      startError === undefined
        ? { type: 'running', startedAt: now }
        : {
            type: 'exited',
            exitCode: 128,
            oomKilled: false,
            startedAt: undefined,
            finishedAt: now,
            message: '',
            startError,
          };
    const view: ContainerView = {
      id,
      container,
      phase,
      pid: startError === undefined ? 1 : undefined,
      logFile: `/nowhere/${id}`,
    };
    this.views.set(id, view);
    return view;
  }

  async limitPod(podUid: string, limits: PodLimits): Promise<void> {
    this.podLimits.set(podUid, limits);
  }

  async updateResources(id: string, resources: ContainerResources): Promise<void> {
    const view = this.#view(id);
    if (view.phase.type !== 'running') {
      throw notRunning(id);
    }
    if (this.updateError !== undefined) {
      throw this.updateError;
    }
    this.updates.push({ id, ...resources });
    this.views.set(id, { ...view, container: { ...view.container, resources } });
  }

  async signal(id: string, signal: string): Promise<void> {
    const view = this.views.get(id);
    if (view?.phase.type === 'running') {
      this.end(id, signal === 'KILL' ? 137 : 143);
    }
  }

  async remove(id: string): Promise<void> {
    this.views.delete(id);
  }

  async removePod(podUid: string): Promise<void> {
    for (const { id } of this.list(podUid)) this.views.delete(id);
    this.volumes.delete(podUid);
    this.podLimits.delete(podUid);
  }

  async prepareVolumes(
    podUid: string,
    volumes: readonly VolumeContents[],
  ): Promise<ReadonlyMap<string, string>> {
    this.volumes.set(podUid, volumes);
    return new Map(volumes.map(({ name }) => [name, `/volumes/${name}`]));
  }

  async prepareEtc(): Promise<string> {
    return '/etc-of-pod';
  }

  async exec(id: string, { argv }: ExecOptions): Promise<ExecSession> {
    if (this.#view(id).phase.type !== 'running') {
      throw notRunning(id);
    }
    return session(this.command(argv));
  }

  async attachInput(id: string): Promise<ExecSession> {
    return this.exec(id, { argv: [], terminal: false, stdin: true });
  }

  async resize(): Promise<void> {}

  connect(): ExecSession {
    return session({ exitCode: 0 });
  }

  async reaches(_netns: string, port: number): Promise<boolean> {
    return this.ports.has(port);
  }

  onChange(handler: (podUid: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  #view(id: string): ContainerView {
    const view = this.views.get(id);
    if (view === undefined) {
      throw new PatchbayError('ContainerNotFound', `there is no container ${id}`, { retryable: false });
    }
    return view;
  }
}

function notRunning(id: string): PatchbayError {
  return new PatchbayError('ContainerNotRunning', `container ${id} is not running`, { retryable: false });
}

function session({ exitCode, stdout = '', stderr = '' }: FakeCommand): ExecSession {
  const [out, err, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
  input.resume();
  out.end(stdout);
  err.end(stderr);
  return {
    stdin: input,
    stdout: out,
    stderr: err,
    exited: Promise.resolve(exitCode),
    resize: async () => undefined,
    kill: () => undefined,
  };
}

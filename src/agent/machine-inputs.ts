/** What a machine needs besides its spec: images of the node's store, texts of secrets. */
import { secret } from '#api/core/secret.ts';
import type { VirtualMachineInstance, VmiVolume } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { BootImage, ImageStore, ResolvedImage } from '#drivers/image/driver.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { isNotFound, PatchbayError } from '#machinery/errors.ts';
import { cloudInitVolume, needsDefaultImage, type SeedTexts } from './compose-vm.ts';

/** Gathered inputs. */
export interface MachineInputs {
  readonly images: ReadonlyMap<string, BootImage>;
  readonly defaultImage?: BootImage;
  readonly seed?: SeedTexts;
  /** What the user should know: stand-ins for images. */
  readonly warnings: readonly string[];
}

/** Resolves images and secrets; throws PatchbayErrors that name the volume. */
export async function gatherInputs(
  vmi: VirtualMachineInstance,
  images: ImageStore,
  client: ApiClient,
): Promise<MachineInputs> {
  const volumes = vmi.spec.volumes ?? [];
  const [resolved, standIn, seed] = await Promise.all([
    Promise.all(volumes.map((volume) => resolveVolume(volume, images))),
    needsDefaultImage(vmi.spec) ? images.defaultGuest() : undefined,
    seedTexts(vmi, client),
  ]);
  const found = resolved.flat();
  return {
    images: new Map(found.map(({ name, image }) => [name, image.image])),
    ...(standIn !== undefined && { defaultImage: standIn.image }),
    ...(seed !== undefined && { seed }),
    warnings: [
      ...found.flatMap(({ image }) => (image.substitution === undefined ? [] : [image.substitution])),
      ...(standIn === undefined
        ? []
        : [
            `no volume has a bootable disk: the built-in guest "${standIn.reference}" boots instead; add a containerDisk volume to boot your own`,
          ]),
    ],
  };
}

async function resolveVolume(
  volume: VmiVolume,
  images: ImageStore,
): Promise<readonly { readonly name: string; readonly image: ResolvedImage }[]> {
  const reference = volume.containerDisk?.image;
  return reference === undefined ? [] : [{ name: volume.name, image: await images.resolve(reference) }];
}

async function seedTexts(vmi: VirtualMachineInstance, client: ApiClient): Promise<SeedTexts | undefined> {
  const volume = cloudInitVolume(vmi.spec);
  const source = volume?.cloudInitNoCloud ?? volume?.cloudInitConfigDrive;
  if (volume === undefined || source === undefined) {
    return undefined;
  }
  const namespace = vmi.metadata.namespace ?? 'default';
  const fromSecret = (name: string | undefined, keys: readonly string[]): Promise<string | undefined> =>
    name === undefined ? Promise.resolve(undefined) : secretText(client, namespace, name, keys, volume.name);
  const userData =
    source.userData ??
    decode(source.userDataBase64) ??
    (await fromSecret(source.secretRef?.name, ['userdata', 'userData']));
  const networkData =
    source.networkData ??
    decode(source.networkDataBase64) ??
    (await fromSecret(source.networkDataSecretRef?.name, ['networkdata', 'networkData']));
  return { userData: userData ?? '', ...(networkData !== undefined && { networkData }) };
}

async function secretText(
  client: ApiClient,
  namespace: string,
  name: string,
  keys: readonly string[],
  volume: string,
): Promise<string> {
  const found = await client.get(secret, { namespace, name }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const text = keys.map((key) => decode(found?.data?.[key])).find((value) => value !== undefined);
  if (text === undefined) {
    const why = found === undefined ? 'does not exist' : `has no key "${keys[0]}"`;
    throw new PatchbayError(
      'SecretNotFound',
      `volume "${volume}": secret "${name}" in namespace ${namespace} ${why}`,
    );
  }
  return text;
}

function decode(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString();
}

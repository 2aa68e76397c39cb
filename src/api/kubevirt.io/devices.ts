/** `spec.domain.devices`. */
import { array, boolean, object, oneOf, string, type TypeOf } from '../schema.ts';
import { disk, featureState, filesystem } from './disk.ts';
import { autoattach, vmiInterface } from './interface.ts';

const hostDeviceFields = {
  name: string('Name of the device.'),
  deviceName: string('Resource name of the device plug-in.'),
  claimName: string('Name of an entry of resourceClaims.'),
  requestName: string('Request in it.'),
  tag: string('Tag in the config drive.'),
};

const watchdogAction = object({
  action: oneOf(['poweroff', 'reset', 'shutdown'], 'What happens when it fires.'),
});

export const devices = object(
  {
    disks: array(disk, 'Disks, CD drives and SCSI units.'),
    interfaces: array(vmiInterface, 'Network cards.'),
    filesystems: array(filesystem, 'File systems shared with the guest.'),
    inputs: array(
      object({ name: string('Name.'), type: string('tablet.'), bus: string('virtio or usb.') }, [
        'name',
        'type',
      ]),
      'Input devices.',
    ),
    ...autoattach,
    networkInterfaceMultiqueue: boolean('As many queues per virtio card as there are virtual CPUs.'),
    blockMultiQueue: boolean('As many queues per virtio disk as there are virtual CPUs.'),
    rng: object({}, [], 'A source of random numbers.'),
    gpus: array(
      object(
        {
          ...hostDeviceFields,
          virtualGPUOptions: object({
            display: object({ enabled: boolean(), ramFB: featureState }),
          }),
        },
        ['name'],
      ),
      'GPUs passed through.',
    ),
    hostDevices: array(object(hostDeviceFields, ['name']), 'Devices of the node passed through.'),
    tpm: object({ enabled: boolean(), persistent: boolean('Keep its state.') }, [], 'A TPM.'),
    watchdog: object(
      { name: string('Name.'), i6300esb: watchdogAction, diag288: watchdogAction },
      ['name'],
      'A watchdog.',
    ),
    sound: object({ name: string('Name.'), model: oneOf(['ich9', 'ac97']) }, ['name'], 'A sound card.'),
    video: object({ type: string('Model of the graphics card.') }),
    panicDevices: array(object({ model: string('Model.') }), 'Devices that tell of a guest panic.'),
    clientPassthrough: object({}, [], 'USB devices of clients.'),
    downwardMetrics: object({}, [], 'A device with metrics of the node.'),
    disableHotplug: boolean('Nothing can be plugged in while it runs.'),
    logSerialConsole: boolean('Keep what is written to the serial console.'),
    useVirtioTransitional: boolean('virtio devices that old guests understand.'),
  },
  [],
  'Devices of the guest.',
);
export type VmiDevices = TypeOf<typeof devices>;

/** Container disks that documentation and demos use: general-purpose Linux guests with cloud-init and a guest agent. */
const DOCUMENTATION_IMAGES: readonly RegExp[] = [
  // quay.io/containerdisks/fedora, …/centos-stream, …/ubuntu
  /(^|\/)containerdisks\/[^/]+$/,
  // registry.redhat.io/rhel9/rhel-guest-image, …/rhel8/rhel-guest-image
  /(^|\/)rhel\d*\/rhel-guest-image$/,
  /(^|\/)rhel\d*-guest-image$/,
  // kubevirt/fedora-cloud-container-disk-demo, quay.io/kubevirt/cirros-container-disk-demo, …
  /(^|\/)[a-z0-9-]+-container-disk(-demo)?$/,
];

/** True when the built-in guest may stand in for a reference that was never imported. */
export function isDocumentationImage(reference: string): boolean {
  const repository = reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return DOCUMENTATION_IMAGES.some((pattern) => pattern.test(repository));
}

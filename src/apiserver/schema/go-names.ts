/** Names that Go has for parts of the builtin kinds: its decoder names them when a value has the wrong type. */

/** By struct: its fields whose values, items or entries are structs of another name than the field's. */
const structs: Readonly<Record<string, string>> = {
  Pod: 'spec=PodSpec status=PodStatus',
  ReplicationController: 'spec=ReplicationControllerSpec status=ReplicationControllerStatus',
  ReplicationControllerSpec: 'template=PodTemplateSpec',
  Deployment: 'spec=DeploymentSpec status=DeploymentStatus',
  DeploymentSpec: 'selector=LabelSelector template=PodTemplateSpec strategy=DeploymentStrategy',
  DeploymentStrategy: 'rollingUpdate=RollingUpdateDeployment type=DeploymentStrategyType',
  ReplicaSet: 'spec=ReplicaSetSpec status=ReplicaSetStatus',
  ReplicaSetSpec: 'selector=LabelSelector template=PodTemplateSpec',
  DaemonSet: 'spec=DaemonSetSpec status=DaemonSetStatus',
  DaemonSetSpec: 'selector=LabelSelector template=PodTemplateSpec updateStrategy=DaemonSetUpdateStrategy',
  DaemonSetUpdateStrategy: 'rollingUpdate=RollingUpdateDaemonSet type=DaemonSetUpdateStrategyType',
  Job: 'spec=JobSpec status=JobStatus',
  JobSpec: 'selector=LabelSelector template=PodTemplateSpec completionMode=CompletionMode',
  LabelSelector: 'matchExpressions=LabelSelectorRequirement',
  PodTemplateSpec: 'metadata=ObjectMeta spec=PodSpec',
  ObjectMeta: 'ownerReferences=OwnerReference managedFields=ManagedFieldsEntry uid=types.UID',
  PodSpec:
    'volumes=Volume containers=Container initContainers=Container ephemeralContainers=EphemeralContainer ' +
    'restartPolicy=RestartPolicy dnsPolicy=DNSPolicy securityContext=PodSecurityContext tolerations=Toleration ' +
    'imagePullSecrets=LocalObjectReference hostAliases=HostAlias dnsConfig=PodDNSConfig os=PodOS ' +
    'readinessGates=PodReadinessGate topologySpreadConstraints=TopologySpreadConstraint ' +
    'schedulingGates=PodSchedulingGate resourceClaims=PodResourceClaim resources=ResourceRequirements ' +
    'preemptionPolicy=PreemptionPolicy overhead=ResourceList',
  PodDNSConfig: 'options=PodDNSConfigOption',
  Container:
    'ports=ContainerPort env=EnvVar envFrom=EnvFromSource resources=ResourceRequirements volumeMounts=VolumeMount ' +
    'volumeDevices=VolumeDevice livenessProbe=Probe readinessProbe=Probe startupProbe=Probe ' +
    'resizePolicy=ContainerResizePolicy restartPolicy=ContainerRestartPolicy imagePullPolicy=PullPolicy ' +
    'terminationMessagePolicy=TerminationMessagePolicy',
  ContainerPort: 'protocol=Protocol',
  EnvVar: 'valueFrom=EnvVarSource',
  EnvVarSource:
    'fieldRef=ObjectFieldSelector resourceFieldRef=ResourceFieldSelector configMapKeyRef=ConfigMapKeySelector ' +
    'secretKeyRef=SecretKeySelector',
  EnvFromSource: 'configMapRef=ConfigMapEnvSource secretRef=SecretEnvSource',
  ResourceRequirements: 'limits=ResourceList requests=ResourceList claims=ResourceClaim',
  Probe: 'exec=ExecAction httpGet=HTTPGetAction tcpSocket=TCPSocketAction grpc=GRPCAction',
  HTTPGetAction: 'httpHeaders=HTTPHeader scheme=URIScheme',
  Lifecycle: 'postStart=LifecycleHandler preStop=LifecycleHandler',
  LifecycleHandler: 'exec=ExecAction httpGet=HTTPGetAction tcpSocket=TCPSocketAction sleep=SleepAction',
  Volume:
    'emptyDir=EmptyDirVolumeSource hostPath=HostPathVolumeSource configMap=ConfigMapVolumeSource ' +
    'secret=SecretVolumeSource downwardAPI=DownwardAPIVolumeSource projected=ProjectedVolumeSource ' +
    'persistentVolumeClaim=PersistentVolumeClaimVolumeSource ephemeral=EphemeralVolumeSource csi=CSIVolumeSource ' +
    'nfs=NFSVolumeSource image=ImageVolumeSource',
  ConfigMapVolumeSource: 'items=KeyToPath',
  SecretVolumeSource: 'items=KeyToPath',
  ProjectedVolumeSource: 'sources=VolumeProjection',
  Toleration: 'operator=TolerationOperator effect=TaintEffect',
  TopologySpreadConstraint: 'labelSelector=LabelSelector',
  Service: 'spec=ServiceSpec status=ServiceStatus',
  ServiceSpec: 'ports=ServicePort type=ServiceType sessionAffinity=ServiceAffinity',
  ServicePort: 'protocol=Protocol',
  ServiceAccount: 'secrets=ObjectReference imagePullSecrets=LocalObjectReference',
  Secret: 'type=SecretType',
  Namespace: 'spec=NamespaceSpec status=NamespaceStatus',
  Node: 'spec=NodeSpec status=NodeStatus',
  NodeSpec: 'taints=Taint',
  ResourceQuota: 'spec=ResourceQuotaSpec status=ResourceQuotaStatus',
  ResourceQuotaSpec: 'hard=ResourceList scopes=ResourceQuotaScope scopeSelector=ScopeSelector',
  LimitRange: 'spec=LimitRangeSpec',
  LimitRangeSpec: 'limits=LimitRangeItem',
  LimitRangeItem:
    'type=LimitType max=ResourceList min=ResourceList default=ResourceList defaultRequest=ResourceList',
  Event: 'involvedObject=ObjectReference source=EventSource',
  NetworkPolicy: 'spec=NetworkPolicySpec',
  NetworkPolicySpec:
    'podSelector=LabelSelector ingress=NetworkPolicyIngressRule egress=NetworkPolicyEgressRule policyTypes=PolicyType',
  NetworkPolicyIngressRule: 'from=NetworkPolicyPeer ports=NetworkPolicyPort',
  NetworkPolicyEgressRule: 'to=NetworkPolicyPeer ports=NetworkPolicyPort',
  PodDisruptionBudget: 'spec=PodDisruptionBudgetSpec status=PodDisruptionBudgetStatus',
  PodDisruptionBudgetSpec: 'selector=LabelSelector',
  Lease: 'spec=LeaseSpec',
  Role: 'rules=PolicyRule',
  ClusterRole: 'rules=PolicyRule aggregationRule=AggregationRule',
  AggregationRule: 'clusterRoleSelectors=LabelSelector',
  RoleBinding: 'roleRef=RoleRef subjects=Subject',
  ClusterRoleBinding: 'roleRef=RoleRef subjects=Subject',
  CustomResourceDefinition: 'spec=CustomResourceDefinitionSpec status=CustomResourceDefinitionStatus',
  CustomResourceDefinitionSpec:
    'names=CustomResourceDefinitionNames versions=CustomResourceDefinitionVersion scope=ResourceScope',
};

const parsed = new Map<string, ReadonlyMap<string, string>>();

/** The Go type that `field` of `struct` names, without its package; undefined when it is a plain one or not known. */
export function goName(struct: string, field: string): string | undefined {
  if (field === 'metadata' && struct !== 'PodTemplateSpec') {
    return 'ObjectMeta';
  }
  let fields = parsed.get(struct);
  if (fields === undefined) {
    const pairs = (structs[struct === 'EphemeralContainer' ? 'Container' : struct] ?? '').split(' ');
    fields = new Map(pairs.map((pair) => pair.split('=') as [string, string]));
    parsed.set(struct, fields);
  }
  return fields.get(field);
}

/** Field numbers of upstream's API (`types.go` of `k8s.io/api`), one line a message; `protobuf-notation.ts` says how they are read. */

export const coreFields: Readonly<Record<string, string>> = {
  Pod: 'metadata=1:ObjectMeta spec=2:PodSpec status=3:PodStatus',
  ResourceQuota: 'metadata=1:ObjectMeta spec=2:ResourceQuotaSpec status=3:ResourceQuotaStatus',
  LimitRange: 'metadata=1:ObjectMeta spec=2:LimitRangeSpec',
  Node: 'metadata=1:ObjectMeta spec=2:NodeSpec status=3:NodeStatus',
  Event:
    'metadata=1:ObjectMeta involvedObject=2:ObjectReference reason=3 message=4 source=5:EventSource firstTimestamp=6:t lastTimestamp=7:t count=8:i type=9 eventTime=10:u series=11:EventSeries? action=12 related=13:ObjectReference? reportingComponent=14 reportingInstance=15',
  Endpoints: 'metadata=1:ObjectMeta subsets=2:EndpointSubset[]',
  Binding: 'metadata=1:ObjectMeta target=2:ObjectReference',
  PodSpec:
    'volumes=1:Volume[] initContainers=20:Container[] containers=2:Container[] ephemeralContainers=34:EphemeralContainer[] restartPolicy=3 terminationGracePeriodSeconds=4:i? activeDeadlineSeconds=5:i? dnsPolicy=6 nodeSelector=7:s{} serviceAccountName=8 serviceAccount=9 automountServiceAccountToken=21:o? nodeName=10 hostNetwork=11:o hostPID=12:o hostIPC=13:o shareProcessNamespace=27:o? securityContext=14:PodSecurityContext? imagePullSecrets=15:LocalObjectReference[] hostname=16 subdomain=17 affinity=18:Affinity? schedulerName=19 tolerations=22:Toleration[] hostAliases=23:HostAlias[] priorityClassName=24 priority=25:i? dnsConfig=26:PodDNSConfig? readinessGates=28:PodReadinessGate[] runtimeClassName=29:s? enableServiceLinks=30:o? preemptionPolicy=31:s? overhead=32:q{} topologySpreadConstraints=33:TopologySpreadConstraint[] setHostnameAsFQDN=35:o? os=36:PodOS? hostUsers=37:o? schedulingGates=38:PodSchedulingGate[] resourceClaims=39:PodResourceClaim[] resources=40:ResourceRequirements? hostnameOverride=41:s? schedulingGroup=43:PodSchedulingGroup? evictionResponders=44:EvictionResponder[]',
  PodStatus:
    'observedGeneration=17:i phase=1 conditions=2:PodCondition[] message=3 reason=4 nominatedNodeName=11 hostIP=5 hostIPs=16:HostIP[] podIP=6 podIPs=12:PodIP[] startTime=7:t? initContainerStatuses=10:ContainerStatus[] containerStatuses=8:ContainerStatus[] qosClass=9 ephemeralContainerStatuses=13:ContainerStatus[] resize=14 resourceClaimStatuses=15:PodResourceClaimStatus[] extendedResourceClaimStatus=18:PodExtendedResourceClaimStatus? allocatedResources=19:q{} resources=20:ResourceRequirements? nodeAllocatableResourceClaimStatuses=21:NodeAllocatableResourceClaimStatus[] volumeHealth=22:PodVolumeHealth[]',
  ResourceQuotaSpec: 'hard=1:q{} scopes=2:s[] scopeSelector=3:ScopeSelector?',
  ResourceQuotaStatus: 'hard=1:q{} used=2:q{}',
  LimitRangeSpec: 'limits=1:LimitRangeItem[]',
  NodeSpec:
    'podCIDR=1 podCIDRs=7:s[] providerID=3 unschedulable=4:o taints=5:Taint[] configSource=6:NodeConfigSource? externalID=2 podPreemptionPolicy=8:NodePodPreemptionPolicy?',
  NodeStatus:
    'capacity=1:q{} allocatable=2:q{} phase=3 conditions=4:NodeCondition[] addresses=5:NodeAddress[] daemonEndpoints=6:NodeDaemonEndpoints nodeInfo=7:NodeSystemInfo images=8:ContainerImage[] volumesInUse=9:s[] volumesAttached=10:AttachedVolume[] config=11:NodeConfigStatus? runtimeHandlers=12:NodeRuntimeHandler[] features=13:NodeFeatures? declaredFeatures=14:s[]',
  ObjectReference: 'kind=1 namespace=2 name=3 uid=4 apiVersion=5 resourceVersion=6 fieldPath=7',
  EventSource: 'component=1 host=2',
  EventSeries: 'count=1:i lastObservedTime=2:u',
  EndpointSubset:
    'addresses=1:EndpointAddress[] notReadyAddresses=2:EndpointAddress[] ports=3:EndpointPort[]',
  Volume: 'name=1 -=2:VolumeSource!',
  Container:
    'name=1 image=2 command=3:s[] args=4:s[] workingDir=5 ports=6:ContainerPort[] envFrom=19:EnvFromSource[] env=7:EnvVar[] resources=8:ResourceRequirements resizePolicy=23:ContainerResizePolicy[] restartPolicy=24:s? restartPolicyRules=25:ContainerRestartRule[] volumeMounts=9:VolumeMount[] volumeDevices=21:VolumeDevice[] livenessProbe=10:Probe? readinessProbe=11:Probe? startupProbe=22:Probe? lifecycle=12:Lifecycle? terminationMessagePath=13 terminationMessagePolicy=20 imagePullPolicy=14 securityContext=15:SecurityContext? stdin=16:o stdinOnce=17:o tty=18:o',
  EphemeralContainer: '-=1:EphemeralContainerCommon! targetContainerName=2',
  PodSecurityContext:
    'seLinuxOptions=1:SELinuxOptions? windowsOptions=8:WindowsSecurityContextOptions? runAsUser=2:i? runAsGroup=6:i? runAsNonRoot=3:o? supplementalGroups=4:i[] supplementalGroupsPolicy=12:s? fsGroup=5:i? sysctls=7:Sysctl[] fsGroupChangePolicy=9:s? seccompProfile=10:SeccompProfile? appArmorProfile=11:AppArmorProfile? seLinuxChangePolicy=13:s?',
  LocalObjectReference: 'name=1',
  Affinity: 'nodeAffinity=1:NodeAffinity? podAffinity=2:PodAffinity? podAntiAffinity=3:PodAntiAffinity?',
  Toleration: 'key=1 operator=2 value=3 effect=4 tolerationSeconds=5:i?',
  HostAlias: 'ip=1 hostnames=2:s[]',
  PodDNSConfig: 'nameservers=1:s[] searches=2:s[] options=3:PodDNSConfigOption[]',
  PodReadinessGate: 'conditionType=1',
  TopologySpreadConstraint:
    'maxSkew=1:i topologyKey=2 whenUnsatisfiable=3 labelSelector=4:LabelSelector? minDomains=5:i? nodeAffinityPolicy=6:s? nodeTaintsPolicy=7:s? matchLabelKeys=8:s[]',
  PodOS: 'name=1',
  PodSchedulingGate: 'name=1',
  PodResourceClaim: 'name=1 resourceClaimName=3:s? resourceClaimTemplateName=4:s?',
  ResourceRequirements: 'limits=1:q{} requests=2:q{} claims=3:ResourceClaim[]',
  PodSchedulingGroup: 'podGroupName=1:s?',
  EvictionResponder: 'name=1 priority=2:i?',
  PodCondition:
    'type=1 observedGeneration=7:i status=2 lastProbeTime=3:t lastTransitionTime=4:t reason=5 message=6',
  HostIP: 'ip=1',
  PodIP: 'ip=1',
  ContainerStatus:
    'name=1 state=2:ContainerState lastState=3:ContainerState ready=4:o restartCount=5:i image=6 imageID=7 containerID=8 started=9:o? allocatedResources=10:q{} resources=11:ResourceRequirements? volumeMounts=12:VolumeMountStatus[] user=13:ContainerUser? allocatedResourcesStatus=14:ResourceStatus[] stopSignal=15:s?',
  PodResourceClaimStatus: 'name=1 resourceClaimName=2:s?',
  PodExtendedResourceClaimStatus: 'requestMappings=1:ContainerExtendedResourceRequest[] resourceClaimName=2',
  NodeAllocatableResourceClaimStatus:
    'resourceClaimName=1 containers=2:s[] mapping=4:NodeAllocatableMappedResources[] overhead=5:NodeAllocatableOverheadResources[]',
  PodVolumeHealth: 'name=1 healthConditions=2:VolumeHealthCondition[] lastTransitionTime=3:t',
  ScopeSelector: 'matchExpressions=1:ScopedResourceSelectorRequirement[]',
  LimitRangeItem: 'type=1 max=2:q{} min=3:q{} default=4:q{} defaultRequest=5:q{} maxLimitRequestRatio=6:q{}',
  Taint: 'key=1 value=2 effect=3 timeAdded=4:t?',
  NodeConfigSource: 'configMap=2:ConfigMapNodeConfigSource?',
  NodePodPreemptionPolicy: 'disableResizePreemption=1:s[]',
  NodeCondition: 'type=1 status=2 lastHeartbeatTime=3:t lastTransitionTime=4:t reason=5 message=6',
  NodeAddress: 'type=1 address=2',
  NodeDaemonEndpoints: 'kubeletEndpoint=1:DaemonEndpoint',
  NodeSystemInfo:
    'machineID=1 systemUUID=2 bootID=3 kernelVersion=4 osImage=5 containerRuntimeVersion=6 kubeletVersion=7 kubeProxyVersion=8 operatingSystem=9 architecture=10 swap=11:NodeSwapStatus?',
  ContainerImage: 'names=1:s[] sizeBytes=2:i',
  AttachedVolume: 'name=1 devicePath=2',
  NodeConfigStatus:
    'assigned=1:NodeConfigSource? active=2:NodeConfigSource? lastKnownGood=3:NodeConfigSource? error=4',
  NodeRuntimeHandler: 'name=1 features=2:NodeRuntimeHandlerFeatures?',
  NodeFeatures: 'supplementalGroupsPolicy=1:o?',
  EndpointAddress: 'ip=1 hostname=3 nodeName=4:s? targetRef=2:ObjectReference?',
  EndpointPort: 'name=1 port=2:i protocol=3 appProtocol=4:s?',
  PodTemplateSpec: 'metadata=1:ObjectMeta spec=2:PodSpec',
  VolumeSource:
    'hostPath=1:HostPathVolumeSource? emptyDir=2:EmptyDirVolumeSource? gcePersistentDisk=3:GCEPersistentDiskVolumeSource? awsElasticBlockStore=4:AWSElasticBlockStoreVolumeSource? gitRepo=5:GitRepoVolumeSource? secret=6:SecretVolumeSource? nfs=7:NFSVolumeSource? iscsi=8:ISCSIVolumeSource? glusterfs=9:GlusterfsVolumeSource? persistentVolumeClaim=10:PersistentVolumeClaimVolumeSource? rbd=11:RBDVolumeSource? flexVolume=12:FlexVolumeSource? cinder=13:CinderVolumeSource? cephfs=14:CephFSVolumeSource? flocker=15:FlockerVolumeSource? downwardAPI=16:DownwardAPIVolumeSource? fc=17:FCVolumeSource? azureFile=18:AzureFileVolumeSource? configMap=19:ConfigMapVolumeSource? vsphereVolume=20:VsphereVirtualDiskVolumeSource? quobyte=21:QuobyteVolumeSource? azureDisk=22:AzureDiskVolumeSource? photonPersistentDisk=23:PhotonPersistentDiskVolumeSource? projected=26:ProjectedVolumeSource? portworxVolume=24:PortworxVolumeSource? scaleIO=25:ScaleIOVolumeSource? storageos=27:StorageOSVolumeSource? csi=28:CSIVolumeSource? ephemeral=29:EphemeralVolumeSource? image=30:ImageVolumeSource?',
  ContainerPort: 'name=1 hostPort=2:i containerPort=3:i protocol=4 hostIP=5',
  EnvFromSource: 'prefix=1 configMapRef=2:ConfigMapEnvSource? secretRef=3:SecretEnvSource?',
  EnvVar: 'name=1 value=2 valueFrom=3:EnvVarSource?',
  ContainerResizePolicy: 'resourceName=1 restartPolicy=2',
  ContainerRestartRule: 'action=1 exitCodes=2:ContainerRestartRuleOnExitCodes?',
  VolumeMount:
    'name=1 readOnly=2:o recursiveReadOnly=7:s? mountPath=3 subPath=4 mountPropagation=5:s? subPathExpr=6 bindMountOptions=8:s[]',
  VolumeDevice: 'name=1 devicePath=2',
  Probe:
    '-=1:ProbeHandler! initialDelaySeconds=2:i timeoutSeconds=3:i periodSeconds=4:i successThreshold=5:i failureThreshold=6:i terminationGracePeriodSeconds=7:i?',
  Lifecycle: 'postStart=1:LifecycleHandler? preStop=2:LifecycleHandler? stopSignal=3:s?',
  SecurityContext:
    'capabilities=1:Capabilities? privileged=2:o? seLinuxOptions=3:SELinuxOptions? windowsOptions=10:WindowsSecurityContextOptions? runAsUser=4:i? runAsGroup=8:i? runAsNonRoot=5:o? readOnlyRootFilesystem=6:o? allowPrivilegeEscalation=7:o? procMount=9:s? seccompProfile=11:SeccompProfile? appArmorProfile=12:AppArmorProfile?',
  EphemeralContainerCommon:
    'name=1 image=2 command=3:s[] args=4:s[] workingDir=5 ports=6:ContainerPort[] envFrom=19:EnvFromSource[] env=7:EnvVar[] resources=8:ResourceRequirements resizePolicy=23:ContainerResizePolicy[] restartPolicy=24:s? restartPolicyRules=25:ContainerRestartRule[] volumeMounts=9:VolumeMount[] volumeDevices=21:VolumeDevice[] livenessProbe=10:Probe? readinessProbe=11:Probe? startupProbe=22:Probe? lifecycle=12:Lifecycle? terminationMessagePath=13 terminationMessagePolicy=20 imagePullPolicy=14 securityContext=15:SecurityContext? stdin=16:o stdinOnce=17:o tty=18:o',
  SELinuxOptions: 'user=1 role=2 type=3 level=4',
  WindowsSecurityContextOptions:
    'gmsaCredentialSpecName=1:s? gmsaCredentialSpec=2:s? runAsUserName=3:s? hostProcess=4:o?',
  Sysctl: 'name=1 value=2',
  SeccompProfile: 'type=1 localhostProfile=2:s?',
  AppArmorProfile: 'type=1 localhostProfile=2:s?',
  NodeAffinity:
    'requiredDuringSchedulingIgnoredDuringExecution=1:NodeSelector? preferredDuringSchedulingIgnoredDuringExecution=2:PreferredSchedulingTerm[]',
  PodAffinity:
    'requiredDuringSchedulingIgnoredDuringExecution=1:PodAffinityTerm[] preferredDuringSchedulingIgnoredDuringExecution=2:WeightedPodAffinityTerm[]',
  PodAntiAffinity:
    'requiredDuringSchedulingIgnoredDuringExecution=1:PodAffinityTerm[] preferredDuringSchedulingIgnoredDuringExecution=2:WeightedPodAffinityTerm[]',
  PodDNSConfigOption: 'name=1 value=2:s?',
  ResourceClaim: 'name=1 request=2',
  ContainerState:
    'waiting=1:ContainerStateWaiting? running=2:ContainerStateRunning? terminated=3:ContainerStateTerminated?',
  VolumeMountStatus: 'name=1 mountPath=2 readOnly=3:o recursiveReadOnly=4:s? volumeStatus=5:VolumeStatus?',
  ContainerUser: 'linux=1:LinuxContainerUser?',
};

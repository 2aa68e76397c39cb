/** Field numbers of upstream's API (`types.go` of `k8s.io/api`), one line a message; `protobuf-notation.ts` says how they are read. */

export const workloadFields: Readonly<Record<string, string>> = {
  Deployment: 'metadata=1:ObjectMeta spec=2:DeploymentSpec status=3:DeploymentStatus',
  ReplicaSet: 'metadata=1:ObjectMeta spec=2:ReplicaSetSpec status=3:ReplicaSetStatus',
  ReplicationController:
    'metadata=1:ObjectMeta spec=2:ReplicationControllerSpec status=3:ReplicationControllerStatus',
  ReplicationControllerSpec: 'replicas=1:i? minReadySeconds=4:i selector=2:s{} template=3:PodTemplateSpec?',
  ReplicationControllerStatus:
    'replicas=1:i fullyLabeledReplicas=2:i readyReplicas=4:i availableReplicas=5:i observedGeneration=3:i conditions=6:ReplicaSetCondition[]',
  DaemonSet: 'metadata=1:ObjectMeta spec=2:DaemonSetSpec status=3:DaemonSetStatus',
  Job: 'metadata=1:ObjectMeta spec=2:JobSpec status=3:JobStatus',
  PodDisruptionBudget:
    'metadata=1:ObjectMeta spec=2:PodDisruptionBudgetSpec status=3:PodDisruptionBudgetStatus',
  Eviction: 'metadata=1:ObjectMeta deleteOptions=2:DeleteOptions?',
  PriorityClass: 'metadata=1:ObjectMeta value=2:i globalDefault=3:o description=4 preemptionPolicy=5:s?',
  Lease: 'metadata=1:ObjectMeta spec=2:LeaseSpec',
  NetworkPolicy: 'metadata=1:ObjectMeta spec=2:NetworkPolicySpec',
  EndpointSlice: 'metadata=1:ObjectMeta addressType=4 endpoints=2:Endpoint[] ports=3:DiscoveryEndpointPort[]',
  RuntimeClass: 'metadata=1:ObjectMeta handler=2 overhead=3:Overhead? scheduling=4:Scheduling?',
  EventsEvent:
    'metadata=1:ObjectMeta eventTime=2:u series=3:EventsEventSeries? reportingController=4 reportingInstance=5 action=6 reason=7 regarding=8:ObjectReference related=9:ObjectReference? note=10 type=11 deprecatedSource=12:EventSource deprecatedFirstTimestamp=13:t deprecatedLastTimestamp=14:t deprecatedCount=15:i',
  DeploymentSpec:
    'replicas=1:i? selector=2:LabelSelector? template=3:PodTemplateSpec strategy=4:DeploymentStrategy minReadySeconds=5:i revisionHistoryLimit=6:i? paused=7:o progressDeadlineSeconds=9:i?',
  DeploymentStatus:
    'observedGeneration=1:i replicas=2:i updatedReplicas=3:i readyReplicas=7:i availableReplicas=4:i unavailableReplicas=5:i terminatingReplicas=9:i? conditions=6:DeploymentCondition[] collisionCount=8:i?',
  ReplicaSetSpec: 'replicas=1:i? minReadySeconds=4:i selector=2:LabelSelector? template=3:PodTemplateSpec',
  ReplicaSetStatus:
    'replicas=1:i fullyLabeledReplicas=2:i readyReplicas=4:i availableReplicas=5:i terminatingReplicas=7:i? observedGeneration=3:i conditions=6:ReplicaSetCondition[]',
  DaemonSetSpec:
    'selector=1:LabelSelector? template=2:PodTemplateSpec updateStrategy=3:DaemonSetUpdateStrategy minReadySeconds=4:i revisionHistoryLimit=6:i?',
  DaemonSetStatus:
    'currentNumberScheduled=1:i numberMisscheduled=2:i desiredNumberScheduled=3:i numberReady=4:i observedGeneration=5:i updatedNumberScheduled=6:i numberAvailable=7:i numberUnavailable=8:i collisionCount=9:i? conditions=10:DaemonSetCondition[]',
  JobSpec:
    'parallelism=1:i? completions=2:i? activeDeadlineSeconds=3:i? podFailurePolicy=11:PodFailurePolicy? successPolicy=16:SuccessPolicy? backoffLimit=7:i? backoffLimitPerIndex=12:i? maxFailedIndexes=13:i? selector=4:LabelSelector? manualSelector=5:o? template=6:PodTemplateSpec ttlSecondsAfterFinished=8:i? completionMode=9:s? suspend=10:o? podReplacementPolicy=14:s? managedBy=15:s? scheduling=17:JobSchedulingConfiguration?',
  JobStatus:
    'conditions=1:JobCondition[] startTime=2:t? completionTime=3:t? active=4:i succeeded=5:i failed=6:i terminating=11:i? completedIndexes=7 failedIndexes=10:s? uncountedTerminatedPods=8:UncountedTerminatedPods? ready=9:i?',
  PodDisruptionBudgetSpec:
    'minAvailable=1:x? selector=2:LabelSelector? maxUnavailable=3:x? unhealthyPodEvictionPolicy=4:s?',
  PodDisruptionBudgetStatus:
    'observedGeneration=1:i disruptedPods=2:t{} disruptionsAllowed=3:i currentHealthy=4:i desiredHealthy=5:i expectedPods=6:i conditions=7:MetaCondition[]',
  LeaseSpec:
    'holderIdentity=1:s? leaseDurationSeconds=2:i? acquireTime=3:u? renewTime=4:u? leaseTransitions=5:i? strategy=6:s? preferredHolder=7:s?',
  NetworkPolicySpec:
    'podSelector=1:LabelSelector ingress=2:NetworkPolicyIngressRule[] egress=3:NetworkPolicyEgressRule[] policyTypes=4:s[]',
  Endpoint:
    'addresses=1:s[] conditions=2:EndpointConditions hostname=3:s? targetRef=4:ObjectReference? deprecatedTopology=5:s{} nodeName=6:s? zone=7:s? hints=8:EndpointHints?',
  DiscoveryEndpointPort: 'name=1:s? protocol=2:s? port=3:i? appProtocol=4:s?',
  Overhead: 'podFixed=1:q{}',
  Scheduling: 'nodeSelector=1:s{} tolerations=2:Toleration[]',
  EventsEventSeries: 'count=1:i lastObservedTime=2:u',
  DeploymentStrategy: 'type=1 rollingUpdate=2:RollingUpdateDeployment?',
  DeploymentCondition: 'type=1 status=2 lastUpdateTime=6:t lastTransitionTime=7:t reason=4 message=5',
  ReplicaSetCondition: 'type=1 status=2 lastTransitionTime=3:t reason=4 message=5',
  DaemonSetUpdateStrategy: 'type=1 rollingUpdate=2:RollingUpdateDaemonSet?',
  DaemonSetCondition: 'type=1 status=2 lastTransitionTime=3:t reason=4 message=5',
  PodFailurePolicy: 'rules=1:PodFailurePolicyRule[]',
  SuccessPolicy: 'rules=1:SuccessPolicyRule[]',
  JobSchedulingConfiguration: '',
  JobCondition: 'type=1 status=2 lastProbeTime=3:t lastTransitionTime=4:t reason=5 message=6',
  UncountedTerminatedPods: 'succeeded=1:s[] failed=2:s[]',
  NetworkPolicyIngressRule: 'ports=1:NetworkPolicyPort[] from=2:NetworkPolicyPeer[]',
  NetworkPolicyEgressRule: 'ports=1:NetworkPolicyPort[] to=2:NetworkPolicyPeer[]',
  EndpointConditions: 'ready=1:o? serving=2:o? terminating=3:o?',
  EndpointHints: 'forZones=1:ForZone[] forNodes=2:ForNode[]',
  RollingUpdateDeployment: 'maxUnavailable=1:x? maxSurge=2:x?',
  RollingUpdateDaemonSet: 'maxUnavailable=1:x? maxSurge=2:x?',
  PodFailurePolicyRule:
    'action=1 onExitCodes=2:PodFailurePolicyOnExitCodesRequirement? onPodConditions=3:PodFailurePolicyOnPodConditionsPattern[]',
  SuccessPolicyRule: 'succeededIndexes=1:s? succeededCount=2:i?',
  NetworkPolicyPort: 'protocol=1:s? port=2:x? endPort=3:i?',
  NetworkPolicyPeer: 'podSelector=1:LabelSelector? namespaceSelector=2:LabelSelector? ipBlock=3:IPBlock?',
  ForZone: 'name=1',
  ForNode: 'name=1',
  PodFailurePolicyOnExitCodesRequirement: 'containerName=1:s? operator=2 values=3:i[]',
  PodFailurePolicyOnPodConditionsPattern: 'type=1 status=2',
  IPBlock: 'cidr=1 except=2:s[]',
};

/** Defaults and rules of pod templates. k8s.io/kubernetes/pkg/apis/{core,apps}/validation. */
import { forbidden, invalid, notSupported } from '../../cause.ts';
import { isEmptySelector, labelsCauses, type SelectorLike, selects } from '../../label-rules.ts';
import type { Cause } from '../../meta.ts';
import type { PodTemplateSpec } from '../pod-template.ts';
import { withTemplateSpecDefaults } from './pod-defaults.ts';
import { podSpecCauses } from './pod-rules.ts';

/** A template with upstream's defaults. */
export function withTemplateDefaults(template: PodTemplateSpec): PodTemplateSpec {
  return {
    ...template,
    metadata: template.metadata ?? {},
    spec: withTemplateSpecDefaults(template.spec),
  };
}

/** Checks a template that stands at `field`. */
export function templateCauses(template: PodTemplateSpec, field: string): readonly Cause[] {
  return [
    ...labelsCauses(`${field}.labels`, template.metadata?.labels),
    ...podSpecCauses(template.spec, `${field}.spec`),
    ...(template.spec.ephemeralContainers?.length
      ? [forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')]
      : []),
  ];
}

/** Refuses a template whose pods the selector would not select. */
export function selectorMatchCauses(
  selector: SelectorLike,
  template: PodTemplateSpec,
  field = 'spec.template',
): readonly Cause[] {
  const labels = template.metadata?.labels;
  return isEmptySelector(selector) || selects(selector, labels)
    ? []
    : [invalid(`${field}.metadata.labels`, labels ?? null, '`selector` does not match template `labels`')];
}

/** Rules of pods that are kept running for good. */
export function lastingTemplateCauses(template: PodTemplateSpec, kind: string): readonly Cause[] {
  const { restartPolicy = 'Always', activeDeadlineSeconds } = template.spec;
  return [
    ...(restartPolicy === 'Always'
      ? []
      : [notSupported('spec.template.spec.restartPolicy', restartPolicy, ['Always'])]),
    ...(activeDeadlineSeconds === undefined
      ? []
      : [
          forbidden(
            'spec.template.spec.activeDeadlineSeconds',
            `activeDeadlineSeconds in ${kind} is not Supported`,
          ),
        ]),
  ];
}

/** The tests, in order. */
import type { Trial } from '../reliability/lib/trial.ts';
import { spoofingTrial } from './t14-spoofing.ts';
import { hoppingTrial } from './t15-hopping.ts';
import { rogueTrial } from './t16-rogue.ts';
import { tenantsTrial } from './t17-tenants.ts';

export const isolationTrials: readonly Trial[] = [spoofingTrial, hoppingTrial, rogueTrial, tenantsTrial];

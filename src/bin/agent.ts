/** The agent of one node: `agent.ts --config FILE`. */
import { pino } from 'pino';
import { startAgent } from '#agent/agent.ts';
import { readAgentConfig } from '#agent/config.ts';
import { beginProcess } from './process.ts';

const { configFile, signal } = beginProcess();
await startAgent(readAgentConfig(configFile), { log: pino({ base: null }), signal });

/** Versions of what is measured, and measured with. */
import { execFile } from 'node:child_process'
import type { Versions } from './report.js'
import { redisServerVersion, versionOf } from './support/machine.js'

const PACKAGES = [
  'express',
  'express-session',
  'connect-redis',
  'redis',
  'fastify',
  '@fastify/session',
  'lmdb',
  'undici',
]

/** @throws Error when wrk is not installed */
export async function versions(): Promise<Versions> {
  const redis = await redisServerVersion()
  return {
    wrk: await wrkVersion(),
    ...(redis === null ? {} : { 'redis-server': redis }),
    ...Object.fromEntries(PACKAGES.map(name => [name, versionOf(name)])),
  }
}

function wrkVersion(): Promise<string> {
  return new Promise((resolve, reject) => {
    // It prints its version and exits with 1.
    execFile('wrk', ['-v'], (error, stdout) => {
      const version = /^wrk (\S+)/.exec(stdout)?.[1]
      if (version !== undefined) resolve(version)
      else reject(new Error('wrk can not be run: on Debian, apt-get install wrk', { cause: error }))
    })
  })
}

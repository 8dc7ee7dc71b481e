/** What the bench tells the servers beside Troupe, by their environment. */

/** @see settingsOf */
export interface ServerSettings {
  readonly processes: number
  readonly host: string
  readonly port: number
  /** Where sessions are kept, for those that keep them in Redis. */
  readonly redis: string
}

/** Signs the cookies of every server: as long as @fastify/session demands. */
export const SECRET = 'a secret of this bench only, which no other server has'
/** Sessions outlive the bench, s. */
export const LIFETIME_SECONDS = 7_200

export function settingsOf(env: NodeJS.ProcessEnv): ServerSettings {
  return {
    processes: Number(env.BENCH_PROCESSES ?? 1),
    host: '127.0.0.1',
    port: Number(env.BENCH_PORT ?? 0),
    redis: env.BENCH_REDIS ?? '',
  }
}

/** @returns the environment from which {@link settingsOf} reads them */
export function environmentOf({ processes, port, redis }: Omit<ServerSettings, 'host'>): NodeJS.ProcessEnv {
  return { BENCH_PROCESSES: String(processes), BENCH_PORT: String(port), BENCH_REDIS: redis }
}

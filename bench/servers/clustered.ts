/** A server in as many processes as the bench says, by node:cluster as its documentation shows it. */
import cluster from 'node:cluster'
import type { Server } from 'node:http'
import { reportThread } from '../apps/threads.js'
import { settingsOf } from './settings.js'

const { processes, port, host } = settingsOf(process.env)

/** @param listen makes a server that listens; called in each process */
export async function serveClustered(
  listen: (port: number, host: string) => Promise<unknown>,
): Promise<void> {
  if (cluster.isPrimary) return fork()
  reportThread('app')
  await listen(port, host)
}

/** @returns once a server of node:http listens */
export function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}

function fork(): void {
  let ready = 0
  for (let count = 0; count < processes; count++) cluster.fork()
  cluster.on('listening', () => {
    ready++
    if (ready === processes) process.stdout.write(`ready http://${host}:${port}\n`)
  })
  // One that is lost would make the figures those of another server.
  cluster.on('exit', () => process.exit(1))
  process.once('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
    process.exit(0)
  })
}

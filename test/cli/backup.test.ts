/** Backup and restore, as docs/deployment.md tells it. */
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import { freePort } from '../support/free-port.js'
import { until } from '../support/until.js'
import { APP, deployment, startOn } from './deployment.js'
import { Command } from './run.js'

t.test('session hosts are backed up one at a time, and restored when all disks are lost', async t => {
  const port = () => freePort()
  const file = await deployment({
    sessionServers: [
      { name: 'a', on: 'store-1', port: await port(), store: 'lmdb', path: 'data/a' },
      { name: 'b', on: 'store-2', port: await port(), store: 'lmdb', path: 'data/b' },
    ],
  })
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(file) })
  const [data, backup] = [join(cwd, 'data'), join(cwd, 'backup')]
  await mkdir(backup)
  const hosts = new Map<string, Command>()
  t.teardown(() => {
    for (const { process } of hosts.values()) process.kill('SIGKILL')
  })
  const start = (host: string) => {
    const command = new Command(startOn(host), { cwd })
    hosts.set(host, command)
    return command
  }
  const end = async (host: string, signal: NodeJS.Signals) => {
    const command = hosts.get(host)
    command?.process.kill(signal)
    return (await command?.finished)?.code
  }
  let [url, admin, cookie] = ['', '', '']
  const startAll = async () => {
    for (const host of ['store-1', 'store-2']) start(host)
    const printed = await start('web-1').printed(/"url":"(http:[^"]+)","adminUrl":"(http:[^"]+)"/)
    ;[, url = '', admin = ''] = printed
  }
  const copied = () =>
    until(async () => {
      const { partitions } = (await (await fetch(`${admin}/status`)).json()) as ClusterStatus
      return partitions.underCopied === 0
    })
  const visit = async () => {
    const response = await fetch(url, { headers: cookie === '' ? {} : { cookie } })
    cookie ||= response.headers.get('set-cookie')?.split(';')[0] ?? ''
    return await response.text()
  }
  const backUp = async (host: string, name: string) => {
    t.equal(await end(host, 'SIGTERM'), 0)
    await cp(join(data, name), join(backup, name), { recursive: true })
  }

  await startAll()
  await copied()
  t.equal(await visit(), 'visit 1')
  await backUp('store-1', 'a')
  t.equal(await visit(), 'visit 2', 'the other serves meanwhile')
  start('store-1')
  await copied()
  await backUp('store-2', 'b')
  t.equal(await visit(), 'visit 3')
  start('store-2')
  await copied()
  t.equal(await visit(), 'visit 4')

  await end('store-1', 'SIGTERM')
  await rm(join(data, 'a'), { recursive: true })
  await cp(join(backup, 'a'), join(data, 'a'), { recursive: true })
  start('store-1')
  await copied()
  t.equal(await visit(), 'visit 5', 'an old backup on one host does no harm')

  for (const host of hosts.keys()) await end(host, 'SIGKILL')
  await rm(data, { recursive: true })
  await cp(backup, data, { recursive: true })
  await startAll()
  t.equal(await visit(), 'visit 3', 'as in the newest of the backups')
  await copied()
  t.equal(await visit(), 'visit 4')
})

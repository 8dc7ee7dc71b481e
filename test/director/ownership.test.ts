import type { MessagePort } from 'node:worker_threads'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { ActorHandle } from '../../lib/director/actors/actor-handle.js'
import { Ownership } from '../../lib/director/ownership.js'
import { type ActorName, ALL_PARTITIONS, type Partition } from '../../lib/replication/ids.js'
import { PartitionTable } from '../../lib/replication/partition-table.js'
import type { WebServerControl } from '../../lib/transport/actor-control.js'
import { until } from '../support/until.js'

/** A release that a web server has been asked for. */
interface Release {
  readonly from: ActorName
  readonly partitions: readonly Partition[]
  /** Gives them all up. */
  /** @param count how many of them; the others are postponed */
  grant(count?: number): void
  /** Gives none up: requests use them. */
  refuse(): void
}

/** Web servers that confirm at once what they are assigned, and release when the test says so. */
function cluster(t: Test) {
  const releases: Release[] = []
  /** Handovers that some web server waits for. */
  const expected = new Set<number>()
  const ownership = new Ownership(
    new PartitionTable(1, 1, ALL_PARTITIONS),
    pino({ level: 'silent' }),
    60_000,
    { ownerLost: () => {}, ownerChanged: () => {} },
  )
  t.teardown(() => {
    ownership.close()
    for (const release of releases) release.grant()
  })
  const join = (text: string): ActorName => {
    const name = text as ActorName
    const calls = {
      assign: async (_: unknown, handover: number | null) => {
        if (handover !== null) expected.delete(handover)
      },
      receive: async (handover: number, port: MessagePort | null) => {
        if (port === null) expected.delete(handover)
        else expected.add(handover)
        return 0
      },
      release: (partitions: readonly Partition[]) =>
        new Promise(resolve => {
          const grant = (count = partitions.length) =>
            resolve({ released: partitions.slice(0, count), postponed: partitions.slice(count) })
          const refuse = () => resolve({ released: [], postponed: [] })
          releases.push({ from: name, partitions, grant, refuse })
        }),
    }
    const actor = { name, control: { ...calls, within: () => calls }, kill: (why: string) => t.fail(why) }
    ownership.onWebServerUp({
      name,
      link: { name, inFlight: 0, post: () => {} },
      // The boundary to a control that has only what is called here.
      actor: actor as unknown as ActorHandle<WebServerControl>,
    })
    return name
  }
  /** The next release that somebody is asked for. */
  let seen = 0
  const nextRelease = async (): Promise<Release> => {
    await until(() => releases.length > seen)
    return releases[seen++] as Release
  }
  return { ownership, releases, expected, join, nextRelease }
}

/** Longer than anything here takes that does not wait for a release. */
const settled = () => new Promise(resolve => setTimeout(resolve, 30))

t.test('a web server that is about to end gets nothing more of what was planned for it', async t => {
  const { ownership, releases, join, nextRelease } = cluster(t)
  join('web-1')
  join('web-2')
  await ownership.open()
  const third = join('web-3')
  const first = await nextRelease()
  ownership.standAside(third)
  first.grant()
  await settled()
  t.equal(releases.length, 1, 'nobody is asked for more')
  const [partition] = first.partitions
  t.equal(
    partition !== undefined && ownership.ownerOf(partition)?.name,
    first.from,
    'who gave up has it back',
  )
})

t.test('two handovers never move the same partition at the same time', async t => {
  const { ownership, join, nextRelease } = cluster(t)
  const source = join('web-1')
  join('web-2')
  await ownership.open()
  join('web-3')
  const sharing = await nextRelease()
  t.equal(sharing.from, source)
  ownership.standAside(source)
  void ownership.empty(source)
  const draining = await nextRelease()
  t.equal(draining.from, source)
  t.notOk(
    draining.partitions.some(partition => sharing.partitions.includes(partition)),
    'each is asked for once',
  )
})

t.test(
  'a handover that comes to nothing leaves nothing behind at the web server that waited for it',
  async t => {
    const { ownership, expected, join, nextRelease } = cluster(t)
    join('web-1')
    join('web-2')
    await ownership.open()
    const third = join('web-3')
    const inUse = await nextRelease()
    t.equal(expected.size, 1)
    inUse.refuse()
    const givenBack = await nextRelease()
    t.equal(expected.size, 1, 'partitions were in use: only the next is waited for')
    ownership.standAside(third)
    givenBack.grant()
    await until(() => ownership.ownerOf(givenBack.partitions[0] as Partition)?.name === givenBack.from)
    await settled()
    t.equal(expected.size, 0, 'who gave up has it back')
  },
)

t.test('what a release postpones goes with the next, and nothing is skipped', async t => {
  const { ownership, join, nextRelease } = cluster(t)
  join('web-1')
  await ownership.open()
  join('web-2')
  const first = await nextRelease()
  first.grant(3)
  const second = await nextRelease()
  t.equal(second.partitions.length, first.partitions.length)
  t.strictSame(second.partitions.slice(0, -3), first.partitions.slice(3))
})

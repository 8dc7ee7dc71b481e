import t from 'tap'
import { Acknowledgements } from '../../lib/replication/acknowledgements.js'
import type { ActorName } from '../../lib/replication/ids.js'
import { A, B, C, copyOf, mutationOf, OF_X, X } from './samples.js'

const TIMEOUT_MS = 100

/** Acknowledgements over replicas that can change; outcomes are collected as 'ok' or an error's code. */
function acknowledgements(required: number, replicas: readonly ActorName[] = [A, B]) {
  const view = { replicas, retiring: null as ActorName | null }
  const subject = new Acknowledgements(
    { get: () => ({ reachable: view.replicas, retiring: view.retiring, required }) },
    TIMEOUT_MS,
  )
  const outcomes: string[] = []
  const mutate = (version: number, congested: ActorName[] = []) =>
    subject.onMutation(mutationOf(copyOf(X, 1, version)), congested, 0, error =>
      outcomes.push(error?.code ?? 'ok'),
    )
  return { subject, view, outcomes, mutate }
}

t.test('a change waits for as many replicas as required', async t => {
  const { subject, outcomes, mutate } = acknowledgements(2, [A, B, C])
  mutate(1)
  subject.onHeld(A, copyOf(X, 1, 1))
  subject.onHeld(A, copyOf(X, 1, 1))
  t.strictSame(outcomes, [], 'one replica counts once')
  subject.onHeld(B, copyOf(X, 1, 1))
  t.strictSame(outcomes, ['ok'])
  t.ok(subject.hasAny(OF_X), 'the third replica still lacks it')
})

t.test('only when every replica holds the newest state is nothing left to wait for', async t => {
  const { subject, mutate } = acknowledgements(1)
  mutate(1)
  mutate(2)
  t.notOk(subject.onHeld(A, copyOf(X, 1, 2)))
  t.notOk(subject.onHeld(B, copyOf(X, 1, 1)), 'that is an older state')
  t.ok(subject.onHeld(B, copyOf(X, 1, 2)))
  t.equal(subject.size, 0)
})

t.test('an acknowledgement of a newer state answers those who wait for an older one', async t => {
  const { subject, outcomes, mutate } = acknowledgements(1)
  mutate(1)
  mutate(2)
  subject.onHeld(A, copyOf(X, 1, 2))
  t.strictSame(outcomes, ['ok', 'ok'])
})

t.test('a replica with a full outbox must take the change before anybody adds more', async t => {
  const { subject, outcomes, mutate } = acknowledgements(1)
  mutate(1, [B])
  subject.onHeld(A, copyOf(X, 1, 1))
  t.strictSame(outcomes, [])
  subject.onHeld(B, copyOf(X, 1, 1))
  t.strictSame(outcomes, ['ok'])
})

t.test('a replica that left no longer counts, neither for nor against', async t => {
  const { subject, view, outcomes, mutate } = acknowledgements(2, [A, B, C])
  mutate(1)
  subject.onHeld(A, copyOf(X, 1, 1))
  view.replicas = [B, C]
  t.strictSame(subject.onReplicasChanged(new Set([OF_X])), [])
  subject.onHeld(B, copyOf(X, 1, 1))
  t.strictSame(outcomes, [])
  view.replicas = [B]
  t.strictSame(subject.onReplicasChanged(new Set([OF_X])), [X])
  t.strictSame(outcomes, ['ok'])
})

t.test('a replica that is about to leave counts for nothing', async t => {
  const { subject, view, outcomes, mutate } = acknowledgements(1, [A, B, C])
  view.retiring = A
  mutate(1)
  subject.onHeld(A, copyOf(X, 1, 1))
  t.notOk(subject.isAcknowledged(X))
  t.strictSame(outcomes, [])
  subject.onHeld(B, copyOf(X, 1, 1))
  t.strictSame(outcomes, ['ok'])
})

t.test('who waits too long is told so once, and the session still waits for its replicas', async t => {
  const { subject, outcomes, mutate } = acknowledgements(1)
  mutate(1)
  subject.onTick(TIMEOUT_MS - 1)
  t.strictSame(outcomes, [])
  subject.onTick(TIMEOUT_MS)
  subject.onTick(TIMEOUT_MS * 2)
  t.strictSame(outcomes, ['REPLICATION_TIMEOUT'])
  t.equal(subject.size, 1)
})

t.test('when the partition moves away those who wait are told so', async t => {
  const { subject, outcomes, mutate } = acknowledgements(1)
  mutate(1)
  subject.onPartitionLost(OF_X)
  t.strictSame(outcomes, ['OWNERSHIP_LOST'])
  t.notOk(subject.hasAny(OF_X))
})

t.test('a later reader waits for what it has seen, or not at all', async t => {
  const { subject, outcomes, mutate } = acknowledgements(1)
  const wait = () => subject.whenAcknowledged(X, 0, error => outcomes.push(error?.code ?? 'read'))
  wait()
  t.strictSame(outcomes, ['read'])
  mutate(1)
  wait()
  t.strictSame(outcomes, ['read'])
  subject.onHeld(A, copyOf(X, 1, 1))
  t.strictSame(outcomes, ['read', 'ok', 'read'])
})

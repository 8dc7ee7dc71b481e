/** The wire forms of `replication/messages.ts`: whatever travels for each session, or each change of one, is flat. */
import type { DigestEntry, Mutation, SessionCopy } from '../replication/copy.js'
import type { SessionId } from '../replication/ids.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import type { BatchReader, WireForm } from './wire-form.js'

/**
 * A replica that holds what lies in memory offers an owner a log, as its first message, if it likes: see `mutation-log.ts`
 * and `fence-board.ts`. No rule of replication knows of it.
 */
export interface LogOffered {
  readonly type: 'log'
  readonly log: SharedArrayBuffer
  readonly board: SharedArrayBuffer
  /** Of the replica's thread: what is written while it is closed may be lost with that. */
  readonly endGate: SharedArrayBuffer
}

/** First value of each message. */
const AS_OBJECT = 0
const APPLY = 1
const READ = 2
const APPLIED = 1
const FOUND = 2
const DIGEST = 3

/** Owner → replica. */
const toReplicaForm: WireForm<ToReplica> = {
  write(message, batch) {
    switch (message.type) {
      case 'apply':
        batch.push(APPLY, message.batch, message.mutations.length)
        for (const { id, partition, epoch, version, expires, data, authority } of message.mutations) {
          batch.push(id, partition, epoch, version, expires, data, authority)
        }
        break
      case 'read':
        batch.push(READ, message.call, message.ids.length)
        for (const id of message.ids) batch.push(id)
        break
      default:
        batch.push(AS_OBJECT, message)
    }
  },
  read(batch) {
    switch (batch.next()) {
      case APPLY:
        return { type: 'apply', batch: batch.next(), mutations: readList(batch, readMutation) }
      case READ:
        return { type: 'read', call: batch.next(), ids: readList(batch, readId) }
      default:
        return batch.next()
    }
  },
}

function readMutation(batch: BatchReader): Mutation {
  return {
    id: batch.next(),
    partition: batch.next(),
    epoch: batch.next(),
    version: batch.next(),
    expires: batch.next(),
    data: batch.next(),
    authority: batch.next(),
  }
}

function readId(batch: BatchReader): SessionId {
  return batch.next()
}

/** Replica → owner. */
const fromReplicaForm: WireForm<FromReplica | LogOffered> = {
  write(message, batch) {
    switch (message.type) {
      case 'found':
        batch.push(FOUND, message.call, message.copies.length)
        for (const copy of message.copies) writeCopy(copy, batch)
        break
      case 'digest':
        batch.push(DIGEST, message.call, message.more, message.entries.length)
        for (const { id, epoch, version } of message.entries) batch.push(id, epoch, version)
        break
      case 'applied':
        if (message.fenced.length === 0) batch.push(APPLIED, message.batch)
        else batch.push(AS_OBJECT, message)
        break
      default:
        batch.push(AS_OBJECT, message)
    }
  },
  read(batch) {
    switch (batch.next()) {
      case APPLIED:
        return { type: 'applied', batch: batch.next(), fenced: NONE }
      case FOUND:
        return { type: 'found', call: batch.next(), copies: readList(batch, readCopy) }
      case DIGEST: {
        const call = batch.next<number>()
        const more = batch.next<boolean>()
        return { type: 'digest', call, entries: readList(batch, readDigestEntry), more }
      }
      default:
        return batch.next()
    }
  },
}

function writeCopy(copy: SessionCopy | null, batch: unknown[]): void {
  if (copy === null) batch.push(null)
  else batch.push(copy.id, copy.epoch, copy.version, copy.expires, copy.data)
}

/** Null in place of an id: there is no copy. */
function readCopy(batch: BatchReader): SessionCopy | null {
  const id = batch.next<SessionId | null>()
  if (id === null) return null
  return {
    id,
    epoch: batch.next(),
    version: batch.next(),
    expires: batch.next(),
    data: batch.next(),
  }
}

function readDigestEntry(batch: BatchReader): DigestEntry {
  return { id: batch.next(), epoch: batch.next(), version: batch.next() }
}

/** The number of members, then each. One that promises more than its batch holds costs nothing. */
function readList<Member>(batch: BatchReader, readMember: (batch: BatchReader) => Member): Member[] {
  const members: Member[] = []
  for (let left = batch.next<number>(); left > 0 && !batch.done; left--) members.push(readMember(batch))
  return members
}

const NONE: readonly never[] = []

/** At the owner's end. */
export const OWNER_FORMS = { incoming: fromReplicaForm, outgoing: toReplicaForm }
/** At the replica's end. */
export const REPLICA_FORMS = { incoming: toReplicaForm, outgoing: fromReplicaForm }

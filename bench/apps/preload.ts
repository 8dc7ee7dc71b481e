/** `node --import` of every process under test: runs once in each of its threads that run JavaScript. */
import { isMainThread } from 'node:worker_threads'
import { reportThread } from './threads.js'

reportThread(isMainThread ? 'main' : 'worker')
// A bench that is killed can't stop what it has started.
if (isMainThread) process.once('disconnect', () => process.exit(1))

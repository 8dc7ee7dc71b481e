/** The list of what happened, newest first, and what of it is read out to those who can't see it. */
import { short } from './figures.js'

/** Entries that stay on the page. */
const ENTRIES_MAX = 100

const list = /** @type {HTMLElement} */ (document.getElementById('events'))
const none = /** @type {HTMLElement} */ (document.getElementById('no-events'))
const live = /** @type {HTMLElement} */ (document.getElementById('live'))
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

/** @typedef {{ tone: 'good' | 'bad' | 'move' | 'plain', text: string, detail: string }} Told */

/**
 * @param {string} type @param {any} event its details, as the listener sends them
 * @returns {Told | null} null for what is told by something else
 */
function told(type, event) {
  switch (type) {
    case 'actor:started':
      return { tone: 'good', text: `${event.actor} started`, detail: event.role.replace('-', ' ') }
    case 'actor:ended':
      return event.how === 'stopped'
        ? { tone: 'plain', text: `${event.actor} stopped`, detail: '' }
        : { tone: 'bad', text: `${event.actor} ${event.how}`, detail: event.reason ?? '' }
    case 'takeover':
      return {
        tone: 'move',
        text: `Takeover from ${event.from}`,
        detail: `${event.partitions} partitions in ${short(event.durationMs)} ms`,
      }
    case 'handover':
      return {
        tone: 'move',
        text: `Handover from ${event.from} to ${event.to}`,
        detail: `${event.partitions} partitions in ${short(event.durationMs)} ms`,
      }
    case 'under-copied':
      return event.partitions === 0
        ? null
        : { tone: 'bad', text: `${event.partitions} partitions under-copied`, detail: 'resync under way' }
    case 'resynced':
      return {
        tone: 'good',
        text: 'All partitions are copied again',
        detail: `after ${short(event.durationMs)} ms`,
      }
    case 'failed':
      return { tone: 'bad', text: 'That did not work', detail: event.text }
    case 'missed':
      return { tone: 'plain', text: `${event.events} events were missed`, detail: '' }
    default:
      return null
  }
}

/** @param {string} type @param {any} event */
export function showEvent(type, event) {
  const what = told(type, event)
  if (what === null) return
  none.hidden = true
  // A resync tells of every step: the newest is enough.
  const latest = list.firstElementChild
  if (type === 'under-copied' && latest instanceof HTMLElement && latest.dataset.type === type)
    latest.remove()
  const entry = document.createElement('li')
  entry.dataset.tone = what.tone
  entry.dataset.type = type
  const at = new Date(event.at ?? Date.now())
  const time = document.createElement('time')
  time.dateTime = at.toISOString()
  time.textContent = clock.format(at)
  const text = document.createElement('span')
  text.className = 'event-text'
  text.textContent = what.text
  const detail = document.createElement('span')
  detail.className = 'event-detail'
  detail.textContent = what.detail
  entry.append(time, text, detail)
  list.prepend(entry)
  while (list.childElementCount > ENTRIES_MAX) list.lastElementChild?.remove()
  // What was there when the page came is not read out.
  if (Date.now() - at.getTime() < 5_000) say(`${what.text}. ${what.detail}`)
}

/** @param {string} text for screen readers */
export function say(text) {
  live.textContent = text
}

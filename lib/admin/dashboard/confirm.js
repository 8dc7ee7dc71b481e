/** Asks before something is broken on purpose. */

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('confirm'))
const title = /** @type {HTMLElement} */ (document.getElementById('confirm-title'))
const text = /** @type {HTMLElement} */ (document.getElementById('confirm-text'))
const yes = /** @type {HTMLButtonElement} */ (document.getElementById('confirm-yes'))

/**
 * @param {{ title: string, text: string, yes: string }} question
 * @returns {Promise<boolean>} whether the answer is yes; Escape means no
 */
export function confirm(question) {
  title.textContent = question.title
  text.textContent = question.text
  yes.textContent = question.yes
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise(resolve => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}

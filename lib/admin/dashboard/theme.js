/**
 * Dark or light: as the system says, unless somebody chose. Runs before the page is drawn, so that it never flashes;
 * therefore no module.
 */
;(() => {
  const THEMES = ['system', 'light', 'dark']
  const KEY = 'troupe-theme'

  /** @returns {string} */
  function chosen() {
    try {
      const theme = localStorage.getItem(KEY) ?? ''
      return THEMES.includes(theme) ? theme : 'system'
    } catch {
      // Storage is switched off.
      return 'system'
    }
  }

  /** @param {string} theme */
  function choose(theme) {
    document.documentElement.dataset.theme = theme
    const button = document.getElementById('theme')
    if (button !== null) button.textContent = `Theme: ${theme}`
    document.dispatchEvent(new CustomEvent('theme'))
    try {
      localStorage.setItem(KEY, theme)
    } catch {
      // It lasts as long as the page, then.
    }
  }

  document.documentElement.dataset.theme = chosen()
  document.addEventListener('DOMContentLoaded', () => {
    choose(chosen())
    document.getElementById('theme')?.addEventListener('click', () => {
      const at = THEMES.indexOf(document.documentElement.dataset.theme ?? 'system')
      choose(THEMES[(at + 1) % THEMES.length] ?? 'system')
    })
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    document.dispatchEvent(new CustomEvent('theme'))
  })
})()

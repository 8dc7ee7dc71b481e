/** The figures in docs/performance.md: all of them from one run, between two marks. */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Plot } from './plots/plots.js'
import { headLines, type Report, resultLines } from './report.js'
import { figure } from './support/table.js'
import type { Reached } from './targets.js'

const DOCS = new URL('../../docs/', import.meta.url)
/** The page, and where its pictures are. */
export const PAGE = fileURLToPath(new URL('performance.md', DOCS))
export const PAGE_IMAGES = fileURLToPath(new URL('images/', DOCS))

const BEGIN = '<!-- bench: from here on written by npm run bench -- --write -->'
const END = '<!-- bench: to here -->'

/** @throws Error when the page lacks the marks */
export async function writePage(report: Report, plots: readonly Plot[]): Promise<void> {
  await writeFile(PAGE, withFigures(await readFile(PAGE, 'utf8'), report, plots))
}

/** @returns the page with these figures in place of those it had. @throws as {@link writePage} */
export function withFigures(page: string, report: Report, plots: readonly Plot[]): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`${PAGE}: expected the lines "${BEGIN}" and "${END}"`)
  const figures = figureLines(report, plots).join('\n')
  return `${page.slice(0, begin)}${BEGIN}\n\n${figures}\n\n${page.slice(end)}`
}

function figureLines(report: Report, plots: readonly Plot[]): string[] {
  const { machine, versions, options, date, targets } = report
  return [
    `Measured on ${date.slice(0, 10)}.`,
    '',
    '| | against | bound | reached (lowest to highest round) | |',
    '|---|---|---|---|---|',
    ...targets.map(targetRow),
    '',
    ...plots.flatMap(({ file, title }) => [`![${title}](images/${file})`, '', `${title}.`, '']),
    '```text',
    ...headLines(machine, versions, options),
    ...resultLines(report),
    '```',
  ]
}

function targetRow({ what, against, bound, reached, passed }: Reached): string {
  const wanted = 'atLeast' in bound ? `at least ${bound.atLeast}` : `at most ${bound.atMost}`
  const found =
    reached === null
      ? 'not measured'
      : `${figure(reached.median, 2)} (${figure(reached.min, 2)} to ${figure(reached.max, 2)})`
  return `| ${what} | ${against} | ${wanted} | ${found} | ${passed === null ? '' : passed ? 'reached' : 'below'} |`
}

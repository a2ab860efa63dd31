// Nunjucks for the role's own files, which have delimiters of their own: `<% %>`, `<$ $>`, `<# #>`.
import nunjucks from 'nunjucks';
import { settings, templates } from '../generated/role.js';

/** The text that the role's template for `path` makes of `context`. Throws if it prints what is not there. */
export function renderRole(path: string, context: object): string {
  const loader = new nunjucks.PrecompiledLoader(templates);
  return new nunjucks.Environment(loader, settings).render(path, context);
}

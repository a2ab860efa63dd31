// Nunjucks, set up so that it prints what Jinja2 with Ansible's settings prints. Templates keep to the common
// subset of the two (docs/decisions.md); a test renders the same views with both.
import nunjucks from 'nunjucks';
import { settings, templates } from '../generated/templates.js';
import type { View } from '../view/view.js';

/**
 * The text that the template of this file name makes of `view`. Nothing is escaped: what may stand in a ruleset
 * is decided by validation, before. Throws if the template prints what the view does not have.
 */
export function render(template: string, view: View): string {
  const loader = new nunjucks.PrecompiledLoader(templates);
  return new nunjucks.Environment(loader, settings).render(template, view);
}

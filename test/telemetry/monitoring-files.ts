import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the files for Prometheus and Grafana. */
export const MONITORING = fileURLToPath(new URL('../../docs/monitoring/', import.meta.url));

export const read = (name: string) => readFileSync(`${MONITORING}${name}`, 'utf8');

type Panel = { id: number; title: string; gridPos: { x: number; y: number; w: number; h: number } };
type Dashboard = { panels: (Panel & { targets?: { expr: string }[] })[]; annotations: { list: { expr: string }[] } };

export const readDashboard = () => JSON.parse(read('dashboard.json')) as Dashboard;

/** The queries of the dashboard. */
export function dashboardQueries(): string[] {
  const { panels, annotations } = readDashboard();
  return [...panels.flatMap(({ targets = [] }) => targets), ...annotations.list].map(({ expr }) => expr);
}

/** Who acts where no user does, by the names in the audit log. */
export const SYSTEM_ACTORS = {
  sweeper: 'signpost:sweeper',
  rebuild: 'signpost:rebuild',
} as const;

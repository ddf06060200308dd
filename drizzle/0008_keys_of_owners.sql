-- migrate: statement by statement
DROP INDEX CONCURRENTLY IF EXISTS "files_owner_id_id_key";
--> statement-breakpoint
CREATE UNIQUE INDEX CONCURRENTLY "files_owner_id_id_key" ON "files" ("owner_id","id");
--> statement-breakpoint
-- The index becomes the key's, and takes its name.
ALTER TABLE "files" DROP CONSTRAINT "files_pkey", ADD CONSTRAINT "files_pkey" PRIMARY KEY USING INDEX "files_owner_id_id_key";
--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN IF NOT EXISTS "refusal" jsonb;

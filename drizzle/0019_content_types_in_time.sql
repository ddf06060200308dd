-- migrate: statement by statement
-- Files of one content type, by time.
DROP INDEX CONCURRENTLY IF EXISTS "files_main_type_idx";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "files_main_type_idx" ON "files" USING btree ("owner_id","status",rtrim(split_part("content_type", ';', 1)),"created_at","id");

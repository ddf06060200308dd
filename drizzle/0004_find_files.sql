DROP INDEX "files_owner_status_created_idx";--> statement-breakpoint
-- By its bytes, so that an index finds what begins with "image/".
ALTER TABLE "files" ALTER COLUMN "content_type" TYPE text COLLATE "C";
--> statement-breakpoint
CREATE INDEX "files_record_idx" ON "files" USING btree ("owner_id","status","record_id","created_at","id") WHERE "files"."record_id" is not null;--> statement-breakpoint
CREATE INDEX "files_document_type_idx" ON "files" USING btree ("owner_id","status","document_type","created_at","id") WHERE "files"."document_type" is not null;--> statement-breakpoint
CREATE INDEX "files_content_type_idx" ON "files" USING btree ("owner_id","status","content_type");--> statement-breakpoint
-- NFC: what macOS names "u" and two dots is found by "ü". At most 1,150 bytes, so that every index can hold it.
ALTER TABLE "files" ADD COLUMN "search_name" text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(normalize("file_name", NFC))) STORED;
--> statement-breakpoint
CREATE INDEX "files_by_time_idx" ON "files" USING btree ("owner_id","status","created_at","id") INCLUDE ("search_name","content_type");
--> statement-breakpoint
CREATE INDEX "files_by_name_idx" ON "files" USING btree ("owner_id","status","search_name","id") INCLUDE ("created_at","record_id","document_type","content_type");
--> statement-breakpoint
CREATE INDEX "files_by_size_idx" ON "files" USING btree ("owner_id","status","size_bytes","id") INCLUDE ("search_name","created_at","record_id","document_type","content_type");
--> statement-breakpoint
-- These three are read without the table where a vacuum has passed: here soon after rows are added, not when there is a
-- fifth more of them.
ALTER TABLE "files" SET (autovacuum_vacuum_insert_scale_factor = 0.02);
--> statement-breakpoint
-- Each three characters in a row of a name, and the two and the one at its end, as lexemes of a tsvector: PostgreSQL's GIN
-- index finds them by their beginning as well, so that a search may have any length, in any script and locale, without an
-- extension. In front of each stands one of 256 characters for the owner: so one's search reads few others' entries,
-- and many small owners still share theirs. Not PARALLEL SAFE on purpose: starting workers takes longer than a search.
CREATE FUNCTION file_grams(owner_id text, search_name text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
	share text := chr(57344 + (hashtextextended(owner_id, 0) & 255)::int);
	grams text[] := '{}';
BEGIN
	FOR n IN 1..length(search_name) LOOP
		grams := grams || (share || substr(search_name, n, 3));
	END LOOP;
	RETURN array_to_tsvector(grams);
END
$$;
--> statement-breakpoint
-- The names in which `search`, written as search_name is, may be: all that have it, and some that only have its pieces.
CREATE FUNCTION file_query(owner_id text, search text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
	share text := chr(57344 + (hashtextextended(owner_id, 0) & 255)::int);
	grams text[] := '{}';
	gram text;
BEGIN
	FOR n IN 1..length(search) BY 3 LOOP
		gram := share || substr(search, greatest(least(n, length(search) - 2), 1), 3);
		grams := grams || ('''' || replace(replace(gram, '\', '\\'), '''', '''''') || '''');
	END LOOP;
	RETURN (array_to_string(grams, '&') || CASE WHEN length(search) < 3 THEN ':*' ELSE '' END)::tsquery;
END
$$;
--> statement-breakpoint
-- A search reads what was added last one by one: 256 kB are some 500 files.
CREATE INDEX "files_grams_idx" ON "files" USING gin (file_grams("owner_id","search_name")) WITH (gin_pending_list_limit = 256) WHERE "status" IN ('active', 'archived');
--> statement-breakpoint
-- Which pieces are common: the planner does not look at what it knows of a partial index.
CREATE STATISTICS "files_grams_stats" ON (file_grams("owner_id","search_name")) FROM "files";
--> statement-breakpoint
-- Its owner reads past the policy on "files"; the condition takes its place.
CREATE VIEW "own_files" AS SELECT "id", "owner_id", "status", "created_at", "search_name", "size_bytes", "record_id", "document_type", "content_type"
	FROM "files" WHERE "owner_id" = current_setting('signpost.user_id', true);
--> statement-breakpoint
GRANT SELECT ON "own_files" TO signpost_app;

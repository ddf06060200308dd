-- Types are found whatever their case and spaces were. Before the table is locked: few rows, and a look at all of them.
UPDATE "files"
	SET "content_type" = regexp_replace(
		lower(split_part("content_type", ';', 1)) || substr("content_type", length(split_part("content_type", ';', 1)) + 1),
		' ?; ?', '; ', 'g')
	WHERE "content_type" ~ '^[^;]*[A-Z]| ;|;[^ ]';
--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "detected_content_type" text;
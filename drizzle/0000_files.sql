CREATE TABLE "files" (
	"id" uuid NOT NULL,
	"owner_id" text NOT NULL,
	"object_key" text NOT NULL,
	"file_name" text NOT NULL,
	"content_type" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"etag" text NOT NULL,
	"version_id" text,
	"checksum_sha256" text,
	"record_id" text,
	"document_type" text,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "files_pkey" PRIMARY KEY("id"),
	CONSTRAINT "files_object_key_key" UNIQUE("object_key"),
	CONSTRAINT "files_size_bytes_check" CHECK ("files"."size_bytes" >= 0),
	CONSTRAINT "files_status_check" CHECK ("files"."status" in ('active', 'archived', 'deleted'))
);
--> statement-breakpoint
CREATE INDEX "files_owner_status_created_idx" ON "files" USING btree ("owner_id","status","created_at","id");
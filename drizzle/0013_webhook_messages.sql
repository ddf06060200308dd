CREATE TABLE "webhook_messages" (
	"number" bigint GENERATED ALWAYS AS IDENTITY (sequence name "webhook_messages_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"type" text NOT NULL,
	"at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"owner_id" text NOT NULL,
	"file_id" uuid NOT NULL,
	"file" jsonb NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"last_failure" text,
	"due_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp (3) with time zone,
	"dead_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_messages_pkey" PRIMARY KEY("number")
);
--> statement-breakpoint
ALTER TABLE "webhook_messages" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE INDEX "webhook_messages_due_idx" ON "webhook_messages" USING btree ("due_at") WHERE "webhook_messages"."delivered_at" is null and "webhook_messages"."dead_at" is null;--> statement-breakpoint
CREATE INDEX "webhook_messages_file_idx" ON "webhook_messages" USING btree ("owner_id","file_id","number") WHERE "webhook_messages"."delivered_at" is null and "webhook_messages"."dead_at" is null;--> statement-breakpoint
CREATE INDEX "webhook_messages_delivered_idx" ON "webhook_messages" USING btree ("delivered_at") WHERE "webhook_messages"."delivered_at" is not null;--> statement-breakpoint
CREATE INDEX "webhook_messages_dead_idx" ON "webhook_messages" USING btree ("number") WHERE "webhook_messages"."dead_at" is not null;--> statement-breakpoint
CREATE POLICY "webhook_messages_add_own" ON "webhook_messages" AS PERMISSIVE FOR INSERT TO "signpost_app" WITH CHECK ("webhook_messages"."owner_id" = current_setting('signpost.user_id', true) and (select has_table_privilege(session_user, 'leases'::regclass, 'update')));
--> statement-breakpoint
-- What a user's statement may say of an event; the rest is the delivery's.
GRANT INSERT ("type", "owner_id", "file_id", "file") ON "webhook_messages" TO signpost_app;

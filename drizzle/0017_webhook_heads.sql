DROP INDEX "webhook_messages_file_idx";--> statement-breakpoint
ALTER TABLE "webhook_messages" ADD COLUMN "is_postponed" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "webhook_messages_head_idx" ON "webhook_messages" USING btree ("owner_id","file_id",(-"number")) WHERE "webhook_messages"."delivered_at" is null and "webhook_messages"."dead_at" is null;